//! Changes of a project's files, for what rebuilds it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use motia_toolchain::BuildReport;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Editors write a file in several steps; this much quiet ends them.
const QUIET: Duration = Duration::from_millis(30);

/// A burst that does not end, such as of a log file in the project, is looked at so often.
const LONGEST_BURST: Duration = Duration::from_millis(300);

/// Directories in which nothing is a source.
const IGNORED: [&str; 6] = [".motia", ".git", "node_modules", "dist", "target", "__pycache__"];

/// What the Workbench writes has names that begin so.
const POSITIONS: &str = "motia-workbench.json";

/// What changes in a project. Changes that come while nobody waits are told once, at the next call.
pub struct Changes {
    changed: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches a project but for the directories that are written meanwhile.
    pub fn of(project: &Path, written: &[&Path]) -> Result<Self> {
        let project = fs::canonicalize(project).with_context(|| project.display().to_string())?;
        let written: Vec<PathBuf> =
            written.iter().map(|&directory| apart(directory, &project)).collect::<Result<_>>()?;
        let root = project.clone();
        let matters = move |path: &PathBuf| {
            !written.iter().any(|directory| path.starts_with(directory)) && is_source(path, &root)
        };
        let changed = Arc::new(Notify::new());
        let change = Arc::clone(&changed);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let Ok(event) = event else { return };
                // The system says so when it has lost track of what changed.
                let is_change = !event.kind.is_access() && event.paths.iter().any(&matters);
                if event.need_rescan() || is_change {
                    change.notify_one();
                }
            })
            .context("files cannot be watched")?;
        watcher
            .watch(&project, RecursiveMode::Recursive)
            .with_context(|| format!("{} cannot be watched", project.display()))?;
        Ok(Self { changed, _watcher: watcher })
    }

    /// Waits for a change, and for the end of the burst that it belongs to.
    pub async fn next(&self) {
        self.changed.notified().await;
        let burst =
            async { while tokio::time::timeout(QUIET, self.changed.notified()).await.is_ok() {} };
        let _ = tokio::time::timeout(LONGEST_BURST, burst).await;
    }
}

/// A directory that is written while the project is watched.
fn apart(directory: &Path, project: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let directory = fs::canonicalize(directory).with_context(|| directory.display().to_string())?;
    ensure!(
        !project.starts_with(&directory),
        "{} contains the project, so its changes could not be told from what is written; \
         choose another directory",
        directory.display()
    );
    Ok(directory)
}

fn is_source(path: &Path, project: &Path) -> bool {
    let relative = path.strip_prefix(project).unwrap_or(path);
    let mut parts = relative.components();
    !parts.any(|part| {
        let name = part.as_os_str().to_str();
        name.is_some_and(|name| IGNORED.contains(&name) || name.starts_with(POSITIONS))
    })
}

/// The files that were built.
pub fn rebuilt(report: &BuildReport) -> impl Iterator<Item = &str> {
    report.steps.iter().filter(|step| !step.cached).map(|step| step.file.as_str())
}

/// Says what a rebuild did.
pub fn announce(report: &BuildReport, started: Instant) {
    let ms = started.elapsed().as_millis();
    for file in rebuilt(report) {
        eprintln!("rebuilt {file} in {ms} ms");
    }
    if rebuilt(report).next().is_none() {
        eprintln!("up to date in {ms} ms");
    }
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// How often changes are told until there are no more.
    async fn told(changes: &Changes) -> usize {
        let mut times = 0;
        while tokio::time::timeout(10 * QUIET, changes.next()).await.is_ok() {
            times += 1;
        }
        times
    }

    #[tokio::test]
    async fn a_burst_of_changes_is_told_as_one_and_what_is_written_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let project = directory.path();
        let out = project.join("out");
        let changes = Changes::of(project, &[&out]).unwrap();
        for step in 0..100 {
            fs::write(project.join(format!("{step}.step.ts")), "x").unwrap();
        }
        tokio::time::timeout(DEADLINE, changes.next()).await.expect("a change");
        // On a busy machine the burst may have had a pause.
        assert!(told(&changes).await < 10);
        fs::write(out.join("manifest.json"), "x").unwrap();
        assert_eq!(told(&changes).await, 0);
    }

    #[test]
    fn a_directory_that_contains_the_project_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = Changes::of(directory.path(), &[directory.path()]).err().unwrap();
        assert!(error.to_string().contains("contains the project"), "{error}");
    }

    #[test]
    fn what_builds_make_is_not_a_source() {
        let project = Path::new("/home/me/dist/project");
        assert!(is_source(&project.join("steps/a.step.ts"), project));
        assert!(!is_source(&project.join(".motia/dev/manifest.json"), project));
        assert!(!is_source(&project.join("web/node_modules/a/index.js"), project));
        assert!(!is_source(&project.join("motia-workbench.json.new"), project));
    }
}
