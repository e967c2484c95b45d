//! The result of a run as text: tables as wide as their content, one line for each fact.

use super::{LightReport, LoadReport, LoadRun, Report, RunResult, Side, Workload};
use crate::bench::stats::{Fill, Percentiles};
use core::fmt::{self, Write as _};
use std::collections::BTreeMap;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        let memory = machine
            .memory_mib
            .map_or_else(|| "n/a".to_owned(), |mib| format!("{mib} MiB"));
        let cpu = machine.cpu.as_deref().unwrap_or("cpu n/a");
        writeln!(f, "command   {}", self.command)?;
        writeln!(
            f,
            "program   trellis {}{}, {} build",
            self.version,
            commit_suffix(self.commit),
            self.build
        )?;
        writeln!(
            f,
            "machine   {} cores, {cpu}, {memory}, {}",
            machine.cores, machine.os
        )?;
        writeln!(f, "workload  {}", self.workload)?;
        write!(f, "\n{}", self.network)?;
        if let Some(baseline) = &self.baseline {
            write!(f, "\nbaseline\n{baseline}")?;
        }
        match (self.ratio, &self.network.result) {
            (Some(ratio), RunResult::Load(_)) => {
                writeln!(f, "\nratio     {ratio:.2} x the baseline's included tx/s")
            }
            (Some(ratio), _) => writeln!(
                f,
                "\nratio     {ratio:.2} x the baseline's median finality latency"
            ),
            (None, _) => Ok(()),
        }
    }
}

fn commit_suffix(commit: &str) -> String {
    if commit.is_empty() {
        String::new()
    } else {
        format!(" ({commit})")
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = match self.recipients {
            0 => "a new account each".to_owned(),
            1 => "one account".to_owned(),
            count => format!("{count} accounts"),
        };
        let warmup = if self.warmup == 0 {
            String::new()
        } else {
            format!(" after {} to warm up", self.warmup)
        };
        let count = self.transactions_per_module;
        if self.mode == "light" {
            return write!(
                f,
                "{count} transfers per module and way of measuring, one at a time{warmup}, to {to}"
            );
        }
        let pace = if self.rate == 0 {
            "as fast as possible".to_owned()
        } else {
            format!("{} tx/s", self.rate)
        };
        write!(
            f,
            "{count} transfers per module{warmup}, {} senders, to {to}, batches of {}, {} connections per module, {pace}",
            self.accounts, self.batch, self.connections
        )
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "server    {}  {}",
            self.url,
            self.client_version.as_deref().unwrap_or("(no name)")
        )?;
        match &self.result {
            RunResult::Load(run) => write_load(f, run)?,
            RunResult::Light { modules } => write_light(f, modules)?,
        }
        match &self.server {
            Some(usage) => writeln!(
                f,
                "memory    server (pid {}): {:.0} MiB before, {:.0} MiB at most, {:.0} MiB after",
                usage.pid, usage.rss_before_mib, usage.rss_max_mib, usage.rss_after_mib
            )?,
            None => writeln!(f, "memory    server: n/a")?,
        }
        let seconds = |time: Option<f64>| {
            time.map_or_else(|| "n/a".to_owned(), |time| format!("{time:.1} s"))
        };
        let server = self.server.as_ref().map(|usage| usage.cpu_seconds);
        let generator = self.load_generator_cpu_seconds;
        writeln!(
            f,
            "cpu time  server {}, load generator {} (signing included)",
            seconds(server),
            seconds(generator)
        )
    }
}

fn write_load(f: &mut fmt::Formatter<'_>, run: &LoadRun) -> fmt::Result {
    let mut table = vec![row(&[
        "module",
        "signed",
        "included",
        "missing",
        "tx/s",
        "peak 1 s",
        "blocks",
        "fill mean",
        "fill max",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms",
    ])];
    table.extend(run.modules.iter().map(load_cells));
    let total = &run.total;
    table.push(vec![
        "total".to_owned(),
        total.transactions.to_string(),
        total.included.to_string(),
        total.missing.to_string(),
        format!("{:.1}", total.tx_per_second),
    ]);
    write_table(f, &table)?;
    writeln!(
        f,
        "time      {:.2} s from the first send to the last inclusion seen",
        total.seconds
    )?;
    let clock = match run.modules.iter().all(|module| module.peak_by_block_time) {
        _ if run
            .modules
            .iter()
            .all(|module| module.peak_second.is_none()) =>
        {
            "no peak below 1 s of blocks"
        }
        true => "peak by block times",
        false => "peak by times seen",
    };
    writeln!(
        f,
        "          {clock}; latency from send to block read, polled every 20 ms"
    )?;
    write_errors(
        f,
        run.modules
            .iter()
            .map(|module| (module.module.as_str(), &module.errors)),
    )?;
    if total.duplicates > 0 {
        writeln!(
            f,
            "DEFECT    {} transfers are in more than one block",
            total.duplicates
        )?;
    }
    Ok(())
}

fn load_cells(module: &LoadReport) -> Vec<String> {
    let fill = |value: fn(&Fill) -> f64| {
        module.fill.as_ref().map_or_else(
            || "n/a".to_owned(),
            |fill| format!("{:.1} %", value(fill) * 100.0),
        )
    };
    let mut cells = vec![
        module.module.clone(),
        module.transactions.to_string(),
        module.included.to_string(),
        module.missing.to_string(),
        format!("{:.1}", module.tx_per_second),
        module
            .peak_second
            .map_or_else(|| "n/a".to_owned(), |peak| peak.to_string()),
        module.blocks.to_string(),
        fill(|fill| fill.mean),
        fill(|fill| fill.max),
    ];
    cells.extend(percentile_cells(module.latency.as_ref()));
    cells
}

fn write_light(f: &mut fmt::Formatter<'_>, modules: &[LightReport]) -> fmt::Result {
    let heading = [
        "module",
        "final when",
        "sent",
        "missing",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms",
    ];
    let mut table = vec![row(&heading)];
    for module in modules {
        let line = |way: &str, missing: Option<u64>, figures: Option<&Percentiles>, sent: u64| {
            let missing = missing.map_or_else(String::new, |missing| missing.to_string());
            let mut cells = vec![
                module.module.clone(),
                way.to_owned(),
                sent.to_string(),
                missing,
            ];
            cells.extend(percentile_cells(figures));
            cells
        };
        let heads = &module.new_heads;
        table.push(line(
            "newHeads announces it",
            Some(heads.missing),
            heads.finality.as_ref(),
            heads.transactions,
        ));
        match &module.sync {
            Some(sync) => {
                table.push(line(
                    "the sync call returns",
                    Some(sync.missing),
                    sync.finality.as_ref(),
                    sync.transactions,
                ));
            }
            None => table.push(line("the sync call returns", None, None, 0)),
        }
        table.push(line(
            "(taken by the pool)",
            None,
            heads.answered.as_ref(),
            heads.transactions,
        ));
    }
    write_table(f, &table)?;
    let all = modules
        .iter()
        .flat_map(|module| [Some(&module.new_heads), module.sync.as_ref()].map(|s| (module, s)));
    write_errors(
        f,
        all.filter_map(|(module, series)| Some((module.module.as_str(), &series?.errors))),
    )
}

fn write_errors<'a>(
    f: &mut fmt::Formatter<'_>,
    modules: impl Iterator<Item = (&'a str, &'a BTreeMap<String, u64>)>,
) -> fmt::Result {
    let mut none = true;
    for (module, errors) in modules {
        for (text, count) in errors {
            writeln!(f, "error     {module}: {count} x {text}")?;
            none = false;
        }
    }
    if none {
        writeln!(f, "errors    none")
    } else {
        Ok(())
    }
}

fn percentile_cells(figures: Option<&Percentiles>) -> Vec<String> {
    match figures {
        Some(figures) => [
            figures.p50_ms,
            figures.p90_ms,
            figures.p99_ms,
            figures.max_ms,
        ]
        .map(|time| format!("{time:.1}"))
        .to_vec(),
        None => vec!["n/a".to_owned(); 4],
    }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// Columns as wide as their widest cell; the first on the left, numbers on the right.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if column == 0 {
                write!(line, "{cell:<width$}")?;
            } else {
                write!(line, "  {cell:>width$}")?;
            }
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
