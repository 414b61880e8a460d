//! Child processes: our example programs as servers, and anything that ends by itself. None outlives its test.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to say its port.
const STARTUP: Duration = Duration::from_secs(60);

/// A server in a process of its own: one of our examples, or of another make.
pub(crate) struct Server {
    child: Killed,
    said: BTreeMap<&'static str, String>,
}

impl Server {
    /// Starts an example and waits until it has said `PORT:<n>`.
    pub(crate) fn start(example: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(example_path(example));
        command.args(arguments);
        Self::run(command, example)
    }

    /// Starts any server that says `PORT:<n>`.
    pub(crate) fn run(command: Command, name: &str) -> Self {
        Self::launch(command, name, &["PORT"])
    }

    /// Starts a program, called `name`, and waits until it has said `<word>:<value>` for each of these words.
    pub(crate) fn launch(mut command: Command, name: &str, words: &[&'static str]) -> Self {
        let log = scratch("servers").join(format!("{name}-{}.log", unique()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = Killed(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let stdout = BufReader::new(child.0.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Goes on reading, so that the server never waits for a full pipe.
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut said = BTreeMap::new();
        let deadline = Instant::now() + STARTUP;
        while said.len() < words.len() {
            let line = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or_else(|_| {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("{command:?} did not say {words:?}:\n{log}")
            });
            if let Some((word, value)) = line.split_once(':')
                && let Some(word) = words.iter().find(|known| **known == word)
            {
                said.insert(*word, value.trim().to_owned());
            }
        }
        Self { child, said }
    }

    /// What it has said after one of the words.
    pub(crate) fn said(&self, word: &str) -> &str {
        &self.said[word]
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.said("PORT"))
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Tells it to stop.
    pub(crate) fn terminate(&self) {
        let process = rustix::process::Pid::from_child(&self.child.0);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for its end; `None` when that takes too long.
    pub(crate) fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        wait(&mut self.child.0, timeout)
    }
}

/// A process that is killed when its owner is gone.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end; gives its status and what it wrote to both outputs. `None` is a run that took too long.
pub(crate) fn run(mut command: Command, log: &Path, timeout: Duration) -> (Option<ExitStatus>, String) {
    let output = File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let mut child = Killed(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
    let status = wait(&mut child.0, timeout);
    drop(child);
    (status, String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned())
}

/// Waits for the end of a process, but not for ever.
pub(crate) fn wait(child: &mut Child, timeout: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A directory for what the tests write, under the target directory of this build.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = root().join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// `target/interop`.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("interop")
}

fn unique() -> String {
    static COUNT: Mutex<u32> = Mutex::new(0);
    let mut count = COUNT.lock().unwrap();
    *count += 1;
    format!("{}-{count}", std::process::id())
}

/// An example of this package, built with the profile of this test.
///
/// It is asked for each time: `cargo test` builds no program of an example that has tests of its own, and none at all
/// when only this test was asked for. Where it is there and new, that takes no time. All of the workspace and all features
/// are named so that nothing is built again with fewer.
pub(crate) fn example_path(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let examples = BUILT.get_or_init(|| {
        let target = root().parent().unwrap().to_owned();
        // …/<profile>/deps/interop-<hash>
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).and_then(Path::file_name).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--workspace", "--all-features"]);
        for example in ["client_driver", "conformance_worker", "quickstart", "scale_out"] {
            command.args(["--example", example]);
        }
        command.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "--target-dir"]);
        command.arg(&target).arg("--profile").arg(if profile == "debug" { "dev".as_ref() } else { profile });
        let status = command.status().unwrap();
        assert!(status.success(), "the examples could not be built: {status}");
        target.join(profile).join("examples")
    });
    examples.join(name)
}
