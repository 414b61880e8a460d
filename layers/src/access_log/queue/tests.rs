//! Several threads and one writer.

use std::sync::Arc;
use std::time::Duration;

use super::*;

/// A line with this text, as it is pushed.
fn line(text: &str) -> Vec<u8> {
    format!("{{\"text\":\"{text}\"").into_bytes()
}

fn push(queue: &Queue, shard: usize, text: &str, time: u64) {
    queue.push_to(shard, &line(text), time);
}

/// Takes what waits, without waiting for more.
fn take(queue: &Queue) -> String {
    queue.signal.hurry();
    let mut batch = Batch::default();
    queue.take(&mut batch).unwrap();
    String::from_utf8(batch.bytes().to_vec()).unwrap()
}

fn texts(lines: &str) -> Vec<&str> {
    lines.lines().map(|line| line.split('"').nth(3).unwrap()).collect()
}

fn reported(lines: &str) -> u64 {
    let number = |line: &str| line.split_once(",\"dropped_records\":")?.1.strip_suffix('}')?.parse::<u64>().ok();
    lines.lines().filter_map(number).sum()
}

#[test]
fn lines_of_all_shards_are_in_the_order_of_their_times() {
    let queue = Queue::with_shards(4, 1 << 20);
    for (shard, text, time) in
        [(2, "a", 1), (0, "c", 3), (2, "b", 2), (0, "d", 3), (1, "e", 3), (0, "g", 5), (2, "f", 4)]
    {
        push(&queue, shard, text, time);
    }
    assert_eq!(texts(&take(&queue)), ["a", "b", "c", "d", "e", "f", "g"]);
    // Buffers that come back are empty.
    push(&queue, 2, "h", 6);
    push(&queue, 1, "i", 7);
    assert_eq!(texts(&take(&queue)), ["h", "i"]);
    assert_eq!(take(&queue), "");
}

#[test]
fn lines_of_one_shard_are_handed_over_as_they_are() {
    let queue = Queue::with_shards(4, 1 << 20);
    for round in 0..3 {
        for time in 0..3 {
            push(&queue, 3, &format!("{round}-{time}"), time);
        }
        let lines = take(&queue);
        assert_eq!(texts(&lines), [0, 1, 2].map(|time| format!("{round}-{time}")));
    }
}

#[test]
fn a_clock_that_is_set_back_loses_nothing() {
    let queue = Queue::with_shards(2, 1 << 20);
    for (shard, text, time) in [(0, "late", 9), (0, "early", 1), (1, "between", 5)] {
        push(&queue, shard, text, time);
    }
    assert_eq!(texts(&take(&queue)), ["early", "between", "late"]);
}

#[test]
fn only_the_first_line_of_a_shard_tells_the_writer_until_there_are_enough() {
    let (shard, room, lost) = (Shard::default(), Room::new(16 << 20, 2), Lost::default());
    for _ in 0..2 {
        let line = line(&"x".repeat(1000));
        let pushed: Vec<_> = (0..200).map(|_| shard.push(&line, 0, &room, &lost)).collect();
        assert_eq!(pushed[0], Pushed::First);
        let enough = pushed.iter().position(|pushed| *pushed == Pushed::Enough).unwrap();
        assert!((100..140).contains(&enough), "{enough}");
        assert!(pushed[1..enough].iter().all(|pushed| *pushed == Pushed::More));
        shard.take(&mut Default::default(), &room);
    }
}

#[test]
fn the_writer_comes_before_a_small_queue_is_full() {
    let (shards, room, lost) = ([Shard::default(), Shard::default()], Room::new(900, 2), Lost::default());
    // As long as to be 200 bytes in the end.
    let line = line(&"x".repeat(188));
    let pushed = [0, 1, 0, 1, 0].map(|shard: usize| shards[shard].push(&line, 0, &room, &lost));
    assert_eq!(pushed, [Pushed::First, Pushed::First, Pushed::Enough, Pushed::Enough, Pushed::Lost]);
}

#[test]
fn all_shards_together_have_no_more_than_there_is_room_for() {
    const MAX: usize = 100_000;
    for shards in [1, 4, 64] {
        let queue = Queue::with_shards(shards, MAX);
        for round in 0..3 {
            let before = queue.dropped();
            let mut pushed = 0;
            while queue.dropped() == before {
                push(&queue, pushed % shards, "a line of usual length", 0);
                pushed += 1;
            }
            let lines = take(&queue);
            assert_eq!((lines.lines().count(), reported(&lines)), (pushed - 1, u64::from(round > 0)));
            assert!(lines.len() <= MAX && lines.len() > MAX / 10 * 9, "{}", lines.len());
        }
    }
}

#[test]
fn what_one_shard_leaves_another_may_use() {
    let queue = Queue::with_shards(8, 16 << 20);
    for shard in 0..8 {
        push(&queue, shard, "short", 0);
    }
    let long = "x".repeat(1 << 20);
    let fit = (0..16).take_while(|_| {
        push(&queue, 0, &long, 0);
        queue.dropped() == 0
    });
    assert_eq!(fit.count(), 15);
}

#[test]
fn every_line_of_several_threads_is_written_or_counted() {
    const THREADS: u64 = 4;
    const LINES: u64 = 5000;
    for max in [2_000, 50_000, 16 << 20] {
        let queue = Arc::new(Queue::with_shards(2, max));
        let writer = std::thread::spawn({
            let queue = queue.clone();
            move || {
                let (mut batch, mut all) = (Batch::default(), String::new());
                while let Some(number) = queue.take(&mut batch) {
                    assert!(batch.bytes().len() <= 2 * max);
                    all.push_str(std::str::from_utf8(batch.bytes()).unwrap());
                    queue.wrote(number);
                }
                all
            }
        });
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let queue = queue.clone();
                std::thread::spawn(move || {
                    for number in 0..LINES {
                        queue.push(&line(&format!("{thread}-{number:04}")), number);
                    }
                    queue.flush(None);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // Whatever was lost, the next line says so.
        queue.push(&line("last-"), LINES);
        queue.close();
        let all = writer.join().unwrap();
        let mut written = texts(&all);
        assert_eq!(written.len() as u64 + queue.dropped(), THREADS * LINES + 1);
        assert_eq!(reported(&all), queue.dropped());
        assert_eq!(written.pop(), Some("last-"));
        for thread in 0..THREADS {
            let own = written.iter().filter(|text| text.starts_with(&format!("{thread}-")));
            assert!(own.is_sorted(), "of one thread, in the order in which they came");
        }
    }
}

#[test]
fn a_flush_waits_for_the_lines_of_all_shards() {
    let queue = Arc::new(Queue::with_shards(4, 1 << 20));
    for shard in 0..4 {
        push(&queue, shard, "x", shard as u64);
    }
    let flush = std::thread::spawn({
        let queue = queue.clone();
        move || queue.flush(None)
    });
    let mut batch = Batch::default();
    let number = std::iter::from_fn(|| queue.take(&mut batch)).find(|number| *number == 1).unwrap();
    assert!(!flush.is_finished());
    queue.wrote(number);
    flush.join().unwrap();
}

#[test]
fn a_flush_waits_no_longer_than_it_may() {
    let queue = Queue::with_shards(1, 1 << 20);
    push(&queue, 0, "x", 0);
    queue.flush(Some(Instant::now() + Duration::from_millis(1)));
    assert_eq!(texts(&take(&queue)), ["x"]);
}

#[test]
fn without_a_writer_all_lines_are_lost_and_counted() {
    let queue = Queue::with_shards(2, 1 << 20);
    push(&queue, 0, "x", 0);
    push(&queue, 1, "x", 0);
    queue.abandon();
    assert_eq!(queue.dropped(), 2);
    push(&queue, 0, "x", 0);
    assert_eq!(queue.dropped(), 3);
    queue.flush(None);
}

#[test]
fn a_writer_ends_when_all_is_written() {
    let queue = Queue::with_shards(2, 1 << 20);
    push(&queue, 1, "x", 0);
    queue.close();
    let mut batch = Batch::default();
    queue.take(&mut batch).unwrap();
    assert_eq!(batch.bytes(), b"{\"text\":\"x\"}\n");
    assert_eq!(queue.take(&mut batch), None);
    queue.flush(None);
}
