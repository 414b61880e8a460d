//! Where lines cannot be written, calls go on, and the log says what it lost.

use std::sync::mpsc;

use serde_json::json;

use super::*;

/// Says when it is written to, and waits until it may write.
struct Stuck {
    asked: mpsc::Sender<()>,
    gate: mpsc::Receiver<()>,
    written: Written,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.asked.send(());
        let _ = self.gate.recv();
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_has_no_room_is_dropped_and_reported() {
    let (asked, is_asked) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), Stuck { asked, gate, written: written.clone() }).queue_bytes(4096);
    send(&layer, |call| call.dispatched = Some(add())).await;
    is_asked.recv().unwrap();
    // The writer has taken the first line and is stuck with it.
    for _ in 0..20 {
        send(&layer, |call| call.dispatched = Some(add())).await;
    }
    let dropped = layer.dropped();
    assert!((1..20).contains(&dropped), "{dropped}");
    drop(open);
    layer.flush();
    send(&layer, |call| call.dispatched = Some(add())).await;
    layer.flush();
    let lines = written.lines();
    assert_eq!(lines.len() as u64, 22 - dropped);
    let reports: Vec<_> = lines.iter().filter_map(|line| line.get("dropped_records")).collect();
    assert_eq!(reports, [&json!(dropped)]);
    assert_eq!(lines.last().unwrap()["dropped_records"], json!(dropped));
}

/// A disk with so much room, until there is more.
#[derive(Clone)]
struct Disk {
    room: Arc<Mutex<usize>>,
    written: Written,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.room.lock().unwrap();
        let fits = bytes.len().min(*room);
        if fits == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *room -= fits;
        self.written.write(&bytes[..fits])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_full_disk_costs_lines_and_nothing_else() {
    let disk = Disk { room: Arc::new(Mutex::new(1000)), written: Written::default() };
    let layer = AccessLogLayer::to_writer(info(), disk.clone());
    for _ in 0..5 {
        send(&layer, |call| call.dispatched = Some(add())).await;
    }
    layer.flush();
    let whole = disk.written.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(layer.dropped(), 5 - whole);

    *disk.room.lock().unwrap() = 1 << 20;
    send(&layer, |call| call.dispatched = Some(add())).await;
    layer.flush();
    let text = String::from_utf8(disk.written.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Option<Value>> = text.lines().map(|line| serde_json::from_str(line).ok()).collect();
    // Half a line is left of where the disk was full, and it spoils nothing.
    assert_eq!(lines.iter().filter(|line| line.is_none()).count(), 1);
    assert_eq!(lines.last().unwrap().as_ref().unwrap()["dropped_records"], json!(5 - whole));
}

/// The line that would have said what was lost before may be lost as well.
#[tokio::test]
async fn a_disk_that_is_full_for_long_makes_no_loss_forgotten() {
    let disk = Disk { room: Arc::default(), written: Written::default() };
    let layer = AccessLogLayer::to_writer(info(), disk.clone());
    for room in [0, 0, 100, 1000, 100] {
        *disk.room.lock().unwrap() = room;
        for _ in 0..3 {
            send(&layer, |call| call.dispatched = Some(add())).await;
        }
        layer.flush();
    }
    *disk.room.lock().unwrap() = 1 << 20;
    send(&layer, |call| call.dispatched = Some(add())).await;
    layer.flush();
    let text = String::from_utf8(disk.written.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len() as u64 + layer.dropped(), 16);
    let reported: u64 = lines.iter().filter_map(|line| line.get("dropped_records")?.as_u64()).sum();
    assert_eq!(reported, layer.dropped());
}

/// Takes everything and can hand on nothing, as a buffer before a full disk.
struct Buffers;

impl Write for Buffers {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[tokio::test]
async fn what_a_sink_has_taken_and_cannot_hand_on_is_lost() {
    let layer = AccessLogLayer::to_writer(info(), Buffers);
    for _ in 0..3 {
        send(&layer, |call| call.dispatched = Some(add())).await;
    }
    layer.flush();
    assert_eq!(layer.dropped(), 3);
}

struct Panics;

impl Write for Panics {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        panic!("on purpose")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nobody_waits_for_a_writer_that_has_panicked() {
    let layer = AccessLogLayer::to_writer(info(), Panics);
    for lines in 1..4 {
        send(&layer, |call| call.dispatched = Some(add())).await;
        layer.flush();
        assert_eq!(layer.dropped(), lines);
    }
}

/// Threads have shards of their own: a line is in the log, in order, whatever thread has made it.
#[test]
fn lines_of_all_threads_are_written_in_order() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone());
    for _ in 0..4 {
        let layer = &layer;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                futures_util::FutureExt::now_or_never(send(layer, |call| call.dispatched = Some(add()))).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(2));
            });
        });
    }
    layer.flush();
    let lines = written.lines();
    assert_eq!(lines.len(), 4);
    assert!(lines.is_sorted_by_key(|line| line["timestamp"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn what_waits_is_written_when_the_log_is_dropped() {
    let written = Written::default();
    let layer = AccessLogLayer::to_writer(info(), written.clone());
    send(&layer, |call| call.dispatched = Some(add())).await;
    drop(layer);
    assert_eq!(written.lines().len(), 1);
}
