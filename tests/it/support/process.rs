//! A child process that a test starts, watches and stops.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A child process. Ends with the test: SIGTERM, then SIGKILL.
pub(crate) struct Process {
    child: Child,
    name: &'static str,
    output: Arc<Mutex<String>>,
    readers: [thread::JoinHandle<()>; 2],
}

fn collect(stream: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut all = into.lock().expect("output");
            all.push_str(&line);
            all.push('\n');
        }
    })
}

impl Process {
    pub(crate) fn spawn(mut command: Command, name: &'static str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error} ({command:?})"));
        let output = Arc::new(Mutex::new(String::new()));
        let readers = [
            collect(child.stdout.take().expect("stdout"), &output),
            collect(child.stderr.take().expect("stderr"), &output),
        ];
        Self { child, name, output, readers }
    }

    /// Everything that it has written so far, both streams.
    pub(crate) fn output(&self) -> String {
        self.output.lock().expect("output").clone()
    }

    /// Waits for `ready`; fails the test when the process ends first or takes too long.
    pub(crate) fn wait_until(&mut self, at_most: Duration, mut ready: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("{} ended with {status}:\n{}", self.name, self.output());
            }
            assert!(begun.elapsed() < at_most, "{} is not ready:\n{}", self.name, self.output());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the text to appear in the output and gives the line that holds it.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        let output = Arc::clone(&self.output);
        let find = move || output.lock().expect("output").lines().find(|line| line.contains(text)).map(str::to_owned);
        self.wait_until(Duration::from_secs(120), || find().is_some());
        find().expect("just seen")
    }

    /// Waits for so many lines that hold this text, and gives all that there are then.
    pub(crate) fn wait_for_lines(&mut self, text: &str, count: usize) -> Vec<String> {
        let output = Arc::clone(&self.output);
        let find = move || -> Vec<String> {
            output.lock().expect("output").lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
        };
        self.wait_until(Duration::from_secs(120), || find().len() >= count);
        find()
    }

    /// Its threads, and the files and sockets that it has open.
    pub(crate) fn threads_and_files(&self) -> [usize; 2] {
        ["task", "fd"]
            .map(|kind| std::fs::read_dir(format!("/proc/{}/{kind}", self.child.id())).expect("a child").count())
    }

    /// The files that it has open, those of them that have names.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let opened = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("a child");
        // One may be closed in between.
        opened.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).collect()
    }

    pub(crate) fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("a pid");
        let status = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().expect("kill");
        assert!(status.success(), "{} is gone", self.name);
    }

    /// The largest memory that it has held so far, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        self.memory_by("VmHWM:")
    }

    /// The memory that it holds now, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory_by("VmRSS:")
    }

    fn memory_by(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a child");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().trim_end_matches("kB").trim().parse::<usize>().expect("a number") * 1024
    }

    /// Waits for its end, and for its last words to be read; a child that it left behind may hold them back.
    pub(crate) fn wait(&mut self, at_most: Duration) -> std::process::ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                let ended = Instant::now();
                while ended.elapsed() < Duration::from_secs(5)
                    && !self.readers.iter().all(thread::JoinHandle::is_finished)
                {
                    thread::sleep(Duration::from_millis(5));
                }
                return status;
            }
            assert!(begun.elapsed() < at_most, "{} does not end:\n{}", self.name, self.output());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`: no chance to write anything.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("a child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let _sent = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
