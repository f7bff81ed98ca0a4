//! What the process takes of its machine, under the names that every process has at Prometheus
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>). Of Linux's `/proc`.

use std::{fmt, fs};

use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use super::metrics::{Page, Source};
use crate::model::Timestamp;

/// This process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// When it began.
    pub started: Timestamp,
}

impl Source for Process {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = now.tv_sec as f64 + now.tv_nsec as f64 / 1e9;
        page.counter("process_cpu_seconds", "Processor time that was used, in seconds.", [([], cpu)])?;
        let started = self.started.as_micros() as f64 / 1e6;
        page.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", [([], started)])?;
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = kilobytes(&status, "VmRSS:").map(|size| ([], size));
        page.gauge("process_resident_memory_bytes", "Memory that is held, in bytes.", resident)?;
        let reserved = kilobytes(&status, "VmSize:").map(|size| ([], size));
        page.gauge("process_virtual_memory_bytes", "Addresses that are taken, in bytes.", reserved)?;
        // The folder that is read is open meanwhile.
        let open = fs::read_dir("/proc/self/fd").ok().map(|folder| ([], folder.count().saturating_sub(1) as f64));
        page.gauge("process_open_fds", "Files and connections that are open.", open)?;
        let limit = getrlimit(Resource::Nofile).current.map(|limit| ([], limit as f64));
        page.gauge("process_max_fds", "How many of them there may be.", limit)?;
        let threads = line(&status, "Threads:").and_then(|count| count.parse().ok()).map(|count: f64| ([], count));
        page.gauge("process_threads", "Threads.", threads)
    }
}

fn line<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// In bytes.
fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let size: f64 = line(status, name)?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(size * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::Process;
    use crate::{model::Timestamp, telemetry::metrics::Metrics};

    #[test]
    fn every_number_is_there_and_likely() {
        let metrics = Metrics::default();
        metrics.add(Process { started: Timestamp::from_micros(1_500_000) });
        let text = metrics.text().unwrap();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
        };
        assert!((1.0..1e4).contains(&value("process_threads")), "{text}");
        assert!((1e6..1e11).contains(&value("process_resident_memory_bytes")), "{text}");
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"), "{text}");
        assert!((3.0..1e6).contains(&value("process_open_fds")), "{text}");
        assert!(value("process_max_fds") >= value("process_open_fds"), "{text}");
        assert!(value("process_cpu_seconds_total") > 0.0, "{text}");
        assert_eq!(value("process_start_time_seconds").to_bits(), 1.5_f64.to_bits());
    }
}
