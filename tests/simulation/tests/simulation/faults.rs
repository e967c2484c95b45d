//! What breaks without anybody's intent: safety always (CON-1, STA-1), progress once it is over.

use crate::simulate_all;
use trellis_simulation::Report;

/// No client had to submit anything twice: the validators that took the transactions brought them into blocks.
fn nothing_was_lost(reports: &[Report]) {
    for report in reports {
        assert_eq!(report.resubmitted, 0, "{report}");
        assert!(report.transactions > 20, "{report}");
        assert!(report.process_failures.is_empty(), "{report:?}");
    }
}

/// PAY-2 at every height, STA-1: notes are spent once while validators are killed and started again.
#[test]
fn private_payments_survive_crashes() {
    for report in simulate_all("private", 1..=2) {
        assert_eq!(report.private, 6, "{report}");
        assert!(report.crashes > 0, "{report}");
    }
}

#[test]
fn a_calm_network_agrees() {
    let reports = simulate_all("calm", 1..=3);
    nothing_was_lost(&reports);
    assert!(reports.iter().any(|report| report.replaced > 0));
    assert!(reports.iter().all(|report| report.voted_views > 50));
    // MSG-1: they did send each other messages, some of which failed, and all arrived.
    let messages = |report: &Report| report.messages.0 > 0 && report.messages.2 > 0;
    assert!(reports.iter().any(messages));
    assert!(
        reports
            .iter()
            .all(|report| report.messages.0 == report.messages.1)
    );
}

#[test]
fn lost_and_late_messages_delay_only() {
    nothing_was_lost(&simulate_all("loss", 1..=3));
}

/// STA-1: what a validator voted for survives a crash at any moment.
#[test]
fn killed_processes_come_back_to_the_same_chain() {
    let reports = simulate_all("crash", 1..=4);
    assert!(reports.iter().all(|report| report.crashes >= 3));
    // Pools start empty after a restart, so somebody had to submit again.
    assert!(reports.iter().any(|report| report.resubmitted > 0));
}

/// STA-1: the same for torn writes on every machine at once.
#[test]
fn a_power_failure_of_the_whole_network_loses_nothing_final() {
    for report in simulate_all("power", 1..=3) {
        assert_eq!(report.power_failures, 2, "{report}");
    }
}

/// STA-1: a disk that fails stops its validator; it never makes it disagree.
#[test]
fn a_failing_disk_stops_its_validator_only() {
    let reports = simulate_all("disk", 1..=3);
    for report in &reports {
        assert!(report.disk_failures > 0, "{report}");
        // No failure is swallowed: a process stops at the first one.
        let stopped = report.process_failures.len() as u64;
        assert!(
            stopped >= 1 && stopped <= report.disk_failures,
            "{report:?}"
        );
    }
}

/// CON-1: neither half of a network may go on alone.
#[test]
fn a_divided_network_waits_and_heals() {
    nothing_was_lost(&simulate_all("partition", 1..=2));
}

#[test]
fn a_validator_that_lags_far_behind_catches_up() {
    let reports = simulate_all("lag", 1..=2);
    assert!(reports.iter().all(|report| report.crashes == 1));
}

/// EXE-2: nobody's clock decides whether a block is valid.
#[test]
fn wrong_clocks_delay_only() {
    nothing_was_lost(&simulate_all("clock", 1..=2));
}

/// CON-1: one module's trouble does not stop another.
#[test]
fn a_module_that_is_cut_off_stops_no_other() {
    nothing_was_lost(&simulate_all("cut", 1..=2));
}
