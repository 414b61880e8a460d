//! The Python side: an interpreter, and one environment for each release.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use crate::child::{self, root, scratch};
use crate::release::Release;

/// Names a Python 3.13 to use.
const PYTHON: &str = "TOWER_VGI_PYTHON";
/// `1`: no Python is a failure.
const REQUIRED: &str = "TOWER_VGI_REQUIRE_INTEROP";

/// How long an environment may take to be installed, a suite to run, a script.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(900);
const SUITE_TIMEOUT: Duration = Duration::from_secs(600);
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(120);

/// Exit status 0 on a Python that can be used; on others it says what is missing.
const PROBE: &str = "\
import sys
if sys.version_info[:2] != (3, 13):
    sys.exit('is Python %d.%d' % sys.version_info[:2])
try:
    import ensurepip, venv
except ImportError as error:
    sys.exit('has no module %s (Debian: package python3.13-venv)' % error.name)
";

/// A release, installed.
pub(crate) struct Client {
    pub(crate) release: Release,
    environment: PathBuf,
}

impl Client {
    /// The release's environment, installed if it is not there yet. `None` when there is no Python, which is said.
    pub(crate) fn install(release: Release) -> Option<Self> {
        static INTERPRETER: LazyLock<Result<OsString, String>> = LazyLock::new(find_python);
        let python = match &*INTERPRETER {
            Ok(python) => python,
            Err(why) => {
                let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
                assert!(!required, "{REQUIRED}=1, but {why}");
                say(&format!("SKIPPED: interop with vgi-rpc {}: {why}", release.version()));
                return None;
            }
        };
        let environment = root().join("venvs").join(release.version());
        // One at a time: they share the network and the package cache. Other processes are kept out by the installer.
        static INSTALLING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = Command::new(python);
        command.arg(script("install.py")).arg(&environment).arg(release.requirements()).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let status = child::wait(&mut child, INSTALL_TIMEOUT);
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        assert!(
            status.is_some_and(|status| status.success()),
            "vgi-rpc {} could not be installed into {}: {status:?}",
            release.version(),
            environment.display()
        );
        Some(Self { release, environment })
    }

    /// Runs the release's `vgi-rpc-test`; gives what it wrote. Failing tests are no failure of the run.
    pub(crate) fn run_suite(&self, arguments: &[&str]) -> String {
        let mut command = self.python();
        command.args(["-c", "from vgi_rpc.conformance._test_cli import main; main()"]).args(arguments);
        let (status, output) = child::run(command, &self.log(), SUITE_TIMEOUT);
        // 0: all passed, 1: some did not; anything else is no run at all.
        let code = status.and_then(|status| status.code());
        assert!(matches!(code, Some(0 | 1)), "vgi-rpc-test {}: {status:?}\n{output}", self.release.version());
        output
    }

    /// Runs a script of this directory, which has to succeed; gives what it wrote.
    pub(crate) fn run_script(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = self.python();
        command.arg(script(name)).args(arguments);
        let (status, output) = child::run(command, &self.log(), SCRIPT_TIMEOUT);
        let good = status.is_some_and(|status| status.success());
        assert!(good, "{name} with vgi-rpc {}: {status:?}\n{output}", self.release.version());
        output
    }

    /// Runs programs one after the other, each with names of its own; gives what each wrote. All have to succeed.
    pub(crate) fn run_programs(&self, files: &[PathBuf]) -> Vec<String> {
        const END: &str = "<end of a program>";
        let mut command = self.python();
        let runner = format!("import runpy, sys\nfor file in sys.argv[1:]: runpy.run_path(file); print('{END}')");
        command.args(["-c", &runner]).args(files);
        let (status, output) = child::run(command, &self.log(), SCRIPT_TIMEOUT);
        let good = status.is_some_and(|status| status.success());
        assert!(good, "programs with vgi-rpc {}: {status:?}\n{output}", self.release.version());
        output.split(END).take(files.len()).map(str::to_owned).collect()
    }

    /// A file for this release's runs.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        scratch(self.release.version()).join(format!("{}-{name}", std::process::id()))
    }

    fn log(&self) -> PathBuf {
        let thread = format!("{:?}", std::thread::current().id()).replace(['(', ')'], "");
        self.scratch(&format!("{thread}.log"))
    }

    /// The release's interpreter, without arguments.
    pub(crate) fn python(&self) -> Command {
        let mut command = Command::new(self.environment.join("bin").join("python"));
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH").current_dir(scratch("cwd"));
        command
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("interop").join(name)
}

/// `TOWER_VGI_PYTHON`, else `python3.13` on the path, else a version of pyenv; the first that really runs.
fn find_python() -> Result<OsString, String> {
    if let Some(named) = std::env::var_os(PYTHON).filter(|named| !named.is_empty()) {
        return match probe(&named) {
            Ok(()) => Ok(named),
            // Who names one wants that one.
            Err(why) => panic!("{PYTHON} names {named:?}, which {why}"),
        };
    }
    let mut candidates = vec![OsString::from("python3.13")];
    candidates.extend(pyenv_versions());
    let mut refused = String::new();
    for candidate in candidates {
        match probe(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(why) => refused.push_str(&format!("; {} {why}", candidate.to_string_lossy())),
        }
    }
    Err(format!("no Python 3.13 found (set {PYTHON} to one){refused}"))
}

/// A shim may be on the path and fail when it is run.
fn probe(python: &OsString) -> Result<(), String> {
    let output = Command::new(python).args(["-c", PROBE]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(text.lines().last().unwrap_or("fails").trim().to_owned())
}

fn pyenv_versions() -> Vec<OsString> {
    let root = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".pyenv")));
    let Some(versions) = root.and_then(|root| std::fs::read_dir(root.join("versions")).ok()) else { return Vec::new() };
    let mut found: Vec<PathBuf> = versions
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("3.13"))
        .map(|entry| entry.path().join("bin").join("python"))
        .collect();
    found.sort();
    found.into_iter().rev().map(PathBuf::into_os_string).collect()
}

/// A line that the test runner does not capture.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "\n{line}");
}
