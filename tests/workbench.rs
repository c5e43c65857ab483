//! The Workbench in a real browser: every page does its main job on a running project, with everything but the host cut off.
//!
//! The scripts are in `tests/workbench/`; they drive Chromium by roles and labels, as people do.

mod support;

use std::{process::Command, sync::Arc};

use support::{Project, SLOW, Server, Shared, browse, run};

const ADMIN: &str = "0123456789abcdef-admin";
const VIEWER: &str = "0123456789abcdef-viewer";

static SHARED: Shared<Dev> = Shared::new();

/// A project while it is developed.
struct Dev {
    server: Server,
    project: Project,
}

fn dev() -> Arc<Dev> {
    SHARED.get(|| {
        let project = Project::fixture("workbench");
        let server = Server::dev(&project.root(), &project.data());
        Dev { server, project }
    })
}

/// Runs a script, and shows what it has measured.
#[track_caller]
fn succeed(script: &mut Command) {
    let ended = run(script, SLOW);
    assert_eq!(ended.code, Some(0), "{script:?}: {}\n{}", ended.stdout, ended.stderr);
    print!("{}", ended.stdout);
}

/// Runs a script on the project that the tests share.
#[track_caller]
fn works(script: &str) {
    succeed(&mut browse(script, &dev().server));
}

#[test]
fn flows_are_drawn_count_and_keep_their_places() {
    let dev = dev();
    succeed(&mut browse("flows.mjs", &dev.server));
    let kept = dev.project.read("motia-workbench.json");
    assert!(kept.contains("steps/charge-order.step.ts"), "{kept}");
}

#[test]
fn endpoints_are_tried_saved_and_copied() {
    works("endpoints.mjs");
}

#[test]
fn runs_are_listed_live_filtered_and_replayed() {
    works("runs.mjs");
}

#[test]
fn a_run_shows_its_time_data_and_attempts() {
    works("run.mjs");
}

#[test]
fn a_trace_is_one_tree_across_topics() {
    works("traces.mjs");
}

#[test]
fn a_run_with_50_000_spans_opens_and_scrolls() {
    works("large-run.mjs");
}

#[test]
fn queues_are_paused_and_say_why_something_waits() {
    works("queues.mjs");
}

#[test]
fn dead_letters_are_grouped_redriven_and_discarded() {
    works("dead-letters.mjs");
}

#[test]
fn scheduled_events_are_listed_and_cancelled() {
    works("scheduled.mjs");
}

#[test]
fn crons_show_their_next_ticks_and_run_now() {
    works("crons.mjs");
}

#[test]
fn state_is_edited_and_the_audit_says_so() {
    works("state.mjs");
}

#[test]
fn streams_are_watched_live_and_edited() {
    works("streams.mjs");
}

#[test]
fn logs_are_followed_and_filtered() {
    works("logs.mjs");
}

#[test]
fn queries_read_and_change_nothing() {
    works("query.mjs");
}

#[test]
fn a_plugin_is_a_page() {
    works("plugin.mjs");
}

#[test]
fn the_keyboard_is_enough() {
    works("keyboard.mjs");
}

#[test]
fn pages_fit_a_phone_and_are_light_or_dark() {
    works("phone.mjs");
}

#[test]
fn axe_finds_nothing_serious() {
    works("accessibility.mjs");
}

#[test]
fn the_first_load_is_small() {
    works("first-load.mjs");
}

#[test]
fn it_works_under_a_base_path() {
    works("base-path.mjs");
}

#[test]
fn serving_takes_a_token_and_a_viewer_changes_nothing() {
    let project = Project::fixture("workbench");
    project.build();
    let options = ["--api-token", ADMIN, "--viewer-token", VIEWER];
    let server = Server::serve(&project.bundle(), &project.data(), &options);
    succeed(browse("access.mjs", &server).args([ADMIN, VIEWER]));
}

#[test]
fn no_other_site_reaches_the_api_of_a_developer() {
    let dev = dev();
    let refused = |path: &str, headers: &[(&str, &str)]| {
        let reply = dev.server.request("GET", path, headers, b"");
        assert_eq!(reply.error(), (403, "not_local".to_owned()), "{path} {headers:?}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path} {headers:?}");
    };
    for path in [
        "/__motia/",
        "/__motia/api/project",
        "/__motia/api/live?topics=runs",
        "/__motia/plugins/hello/index.html",
    ] {
        refused(path, &[("origin", "https://example.org")]);
        refused(path, &[("host", "example.org")]);
    }
    assert_eq!(dev.server.get("/__motia/api/project").status, 200);
}
