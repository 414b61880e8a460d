//! The JavaScript side: Node, the pinned packages, and Chromium.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

/// Names a Chromium to use.
const CHROMIUM: &str = "TOWER_VGI_CHROMIUM";
/// `1`: no browser is a failure.
const REQUIRED: &str = "TOWER_VGI_REQUIRE_BROWSER";
/// What playwright-core needs.
const OLDEST_NODE: u32 = 20;
/// How long one script may take; far more than it does.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A browser, and scripts to drive it.
pub(crate) struct Browser {
    chromium: OsString,
    packages: PathBuf,
}

impl Browser {
    /// `None` when there is no Node or no Chromium, which is said.
    pub(crate) fn find(test: &str) -> Option<Self> {
        static FOUND: LazyLock<Result<OsString, String>> = LazyLock::new(|| find_node().and_then(|()| find_chromium()));
        match &*FOUND {
            Ok(chromium) => Some(Self { chromium: chromium.clone(), packages: install() }),
            Err(why) => {
                let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
                assert!(!required, "{REQUIRED}=1, but {why}");
                // A line that the test runner does not capture, in one piece.
                let line = format!("\nSKIPPED: browser test {test}: {why}\n");
                let _ = std::io::stderr().write_all(line.as_bytes());
                None
            }
        }
    }

    /// Runs a script of this directory, which has to succeed; gives what it printed.
    pub(crate) fn run(&self, script: &str, server: &str, variables: &[(&str, &str)]) -> String {
        let log = self.packages.join(format!("{}-{script}.log", std::process::id()));
        let output = File::create(&log).unwrap();
        let mut command = Command::new("node");
        command.arg(here().join(script)).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        command.env(CHROMIUM, &self.chromium).env("TOWER_VGI_BROWSER_PACKAGES", &self.packages);
        command.env("TOWER_VGI_BROWSER_SERVER", server).envs(variables.iter().copied());
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        let status = finish(&mut command);
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(status, "{script} failed, or took longer than {TIMEOUT:?}:\n{text}");
        let _ = std::fs::remove_file(&log);
        text
    }
}

/// Runs a command to its end, but not for ever; says whether it succeeded.
fn finish(command: &mut Command) -> bool {
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The directory with exactly the pinned packages, installed if they are not there yet.
fn install() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("browser");
    std::fs::create_dir_all(&target).unwrap();
    // One at a time: threads of this process by the mutex, other processes by the lock on the file.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let lock = File::create(target.join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    // Written last: without it the packages are not complete.
    let stamp = target.join("installed.json");
    let pins = std::fs::read(here().join("package-lock.json")).unwrap();
    if std::fs::read(&stamp).is_ok_and(|installed| installed == pins) {
        return target;
    }
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(here().join(file), target.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&target);
    assert!(finish(npm.stdin(Stdio::null())), "npm could not install the packages of the browser tests");
    std::fs::write(stamp, pins).unwrap();
    target
}

/// This directory.
pub(crate) fn here() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser"))
}

fn find_node() -> Result<(), String> {
    let version = version_of("node".as_ref()).ok_or("there is no Node (Debian: package nodejs)")?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_NODE) {
        return Err(format!("Node is {version}; {OLDEST_NODE} or later is needed"));
    }
    version_of("npm".as_ref()).map(|_| ()).ok_or_else(|| "there is no npm (Debian: package npm)".to_owned())
}

/// `TOWER_VGI_CHROMIUM`, else the first on the path by one of its names.
fn find_chromium() -> Result<OsString, String> {
    if let Some(named) = std::env::var_os(CHROMIUM).filter(|named| !named.is_empty()) {
        // Who names one wants that one.
        assert!(version_of(&named).is_some(), "{CHROMIUM} names {named:?}, which cannot be run");
        return Ok(named);
    }
    // The driver does not look on the path.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let mut candidates =
        names.iter().flat_map(|name| std::env::split_paths(&path).map(move |directory| directory.join(name)));
    let found = candidates.find(|candidate| candidate.is_file() && version_of(candidate.as_os_str()).is_some());
    found.map(PathBuf::into_os_string).ok_or_else(|| format!("there is no Chromium (set {CHROMIUM} to one)"))
}

fn version_of(program: &std::ffi::OsStr) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
