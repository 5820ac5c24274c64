//! What the system says of this program, and the runtime of itself: read when it is asked for.
//! Names and meanings are those of Prometheus' own client libraries.

use std::fmt;
use std::fs;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::runtime::Handle;

/// Clock ticks in a second as `/proc` counts them: 100 on every Linux that Rust runs on, whatever
/// the kernel's own clock is (USER_HZ).
const TICKS: f64 = 100.0;

/// This program, as the system sees it.
#[derive(Debug)]
pub(super) struct Process {
    /// By our own clock: the system's tells when it booted only where `/proc/stat` is readable,
    /// which `ProcSubset=pid` of systemd takes away.
    started: f64,
}

// === impl Process ===

impl Process {
    pub(super) fn new() -> Self {
        Self { started: Timestamp::now().as_duration().as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        let second = Some(&Unit::Seconds);
        gauge(to, ("process_start_time", "When this program started"), second, self.started)?;
        if let Some(cpu) = cpu() {
            counter(to, ("process_cpu", "Time of processors that it took"), second, cpu)?;
        }
        if let Some(open) = open_files() {
            gauge(to, ("process_open_fds", "Open file descriptors"), None, f64::from(open))?;
        }
        if let Ok((most, _)) = rlimit::Resource::NOFILE.get() {
            let most = f64::from(u32::try_from(most).unwrap_or(u32::MAX));
            gauge(to, ("process_max_fds", "File descriptors that it may open"), None, most)?;
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let sizes = [
            ("VmRSS:", "process_resident_memory", "Memory that it has in use"),
            ("VmSize:", "process_virtual_memory", "Addresses that it has mapped"),
        ];
        for (key, name, help) in sizes {
            if let Some(size) = size(&status, key) {
                gauge(to, (name, help), Some(&Unit::Bytes), size)?;
            }
        }
        Handle::try_current().map_or(Ok(()), |handle| runtime(to, &handle))
    }
}

/// Those of the runtime's numbers that tokio calls stable.
fn runtime(to: &mut DescriptorEncoder<'_>, handle: &Handle) -> fmt::Result {
    let metrics = handle.metrics();
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let workers = metrics.num_workers();
    gauge(to, ("tokio_workers", "Threads that run tasks"), None, number(workers))?;
    let tasks = number(metrics.num_alive_tasks());
    gauge(to, ("tokio_alive_tasks", "Tasks that have not ended"), None, tasks)?;
    let waiting = number(metrics.global_queue_depth());
    let help = "Tasks that wait for a thread in the queue of all";
    gauge(to, ("tokio_global_queue_depth", help), None, waiting)?;
    #[cfg(target_has_atomic = "64")]
    {
        let busy = (0..workers).map(|worker| metrics.worker_total_busy_duration(worker));
        let busy: std::time::Duration = busy.sum();
        let help = "Time in which the threads ran tasks, all together";
        counter(to, ("tokio_worker_busy", help), Some(&Unit::Seconds), busy.as_secs_f64())?;
    }
    Ok(())
}

type Named = (&'static str, &'static str);

fn gauge(
    to: &mut DescriptorEncoder<'_>,
    (name, help): Named,
    unit: Option<&Unit>,
    value: f64,
) -> fmt::Result {
    let one = ConstGauge::new(value);
    one.encode(to.encode_descriptor(name, help, unit, one.metric_type())?)
}

fn counter(
    to: &mut DescriptorEncoder<'_>,
    (name, help): Named,
    unit: Option<&Unit>,
    value: f64,
) -> fmt::Result {
    let one = ConstCounter::new(value);
    one.encode(to.encode_descriptor(name, help, unit, one.metric_type())?)
}

/// Seconds in user and kernel mode: the fields 14 and 15 of `/proc/self/stat`, counted after the
/// program's name, which may hold anything.
fn cpu() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn open_files() -> Option<u32> {
    // The folder that is being read is open, too.
    let all = fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(all.saturating_sub(1)).ok()
}

/// A size in `/proc/self/status`, which counts in KiB.
fn size(status: &str, key: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    let size: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(size * 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_bytes() {
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t     4 kB\n";
        assert_eq!(size(status, "VmRSS:"), Some(4_096.0));
        assert_eq!(size(status, "VmSize:"), Some(2_097_152.0));
        assert_eq!(size(status, "VmPeak:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_program_is_seen() {
        let before = open_files().unwrap();
        let file = fs::File::open("/proc/self/stat").unwrap();
        // Other tests open and close files, too; one descriptor is open whatever they do.
        assert!(open_files().unwrap() > 0 && before > 0);
        drop(file);
        assert!(cpu().unwrap() >= 0.0);
    }
}
