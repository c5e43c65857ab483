//! `motia build` of a project that is wrong: every error at once, each with its place and its mend.

mod support;

use std::{collections::BTreeSet, sync::OnceLock};

use serde_json::Value;
use support::{Project, line_of};

/// The errors of a fixture, as `motia build --json` reports them.
fn errors_of(fixture: &str) -> Vec<Value> {
    let (code, report) = Project::fixture(fixture).try_build();
    assert_eq!((code, &report["ok"]), (Some(1), &Value::Bool(false)), "{report:#}");
    report["errors"].as_array().expect("a list of errors").clone()
}

/// The errors of a project with one kind of fault in each of its files.
fn errors() -> &'static [Value] {
    static ERRORS: OnceLock<Vec<Value>> = OnceLock::new();
    ERRORS.get_or_init(|| errors_of("broken"))
}

/// The only error of a file, if its message has all the parts.
#[track_caller]
fn error_in<'a>(errors: &'a [Value], file: &str, parts: &[&str]) -> &'a Value {
    let of_file: Vec<&Value> = errors.iter().filter(|error| error["file"] == file).collect();
    assert_eq!(of_file.len(), 1, "{file} has not exactly one error: {errors:#?}");
    let message = of_file[0]["message"].as_str().expect("a message");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    of_file[0]
}

/// Some error names both files, one as its place and the other in its message.
#[track_caller]
fn assert_clash(what: &str, files: [&str; 2]) {
    let clashes = errors().iter().any(|error| {
        let (file, message) = (error["file"].to_string(), error["message"].to_string());
        message.contains(what)
            && files.iter().all(|name| file.contains(name) || message.contains(name))
    });
    assert!(clashes, "no error says that {files:?} clash in {what}: {:#?}", errors());
}

/// The line of a fixture's file that has a part.
#[track_caller]
fn line(fixture: &str, file: &str, part: &str) -> usize {
    line_of(&Project::fixture(fixture).read(file), part)
}

#[test]
fn two_steps_of_one_name_are_refused() {
    assert_clash("Twice", ["steps/duplicate-a.step.ts", "steps/duplicate-b.step.ts"]);
}

#[test]
fn two_steps_on_one_method_and_path_are_refused() {
    assert_clash("POST /same", ["steps/route-a.step.ts", "steps/route-b.step.ts"]);
}

#[test]
fn an_unknown_config_key_is_named() {
    error_in(errors(), "steps/unknown-key.step.ts", &["colour"]);
}

#[test]
fn a_bad_cron_expression_is_shown() {
    error_in(errors(), "steps/bad-cron.step.ts", &["config.cron", "61 * * * *"]);
}

#[test]
fn a_missing_handler_is_named() {
    error_in(errors(), "steps/no-handler.step.ts", &["handler"]);
}

#[test]
fn a_syntax_error_has_its_place() {
    let error = error_in(errors(), "steps/syntax.step.ts", &[]);
    assert_eq!(error["line"], line("broken", "steps/syntax.step.ts", "= = 42"));
    assert_eq!(error["column"], 18);
}

#[test]
fn an_import_of_a_file_that_is_not_there_has_its_place() {
    let error = error_in(errors(), "steps/no-such-file.step.ts", &["./nowhere"]);
    assert_eq!(error["line"], 1);
}

#[test]
fn an_import_of_a_package_that_is_not_installed_says_how_to_install_it() {
    let mend = "npm install @nobody/ever-installed-this";
    let error = error_in(errors(), "steps/not-installed.step.ts", &[mend]);
    assert_eq!(error["line"], 1);
}

#[test]
fn an_import_of_a_module_of_node_is_told_apart() {
    let error = error_in(errors(), "steps/of-node.step.ts", &["\"fs\"", "Node.js"]);
    assert_eq!(error["line"], 1);
}

#[test]
fn an_exception_while_a_module_is_evaluated_has_its_place() {
    let error = error_in(errors(), "steps/throws.step.js", &["TypeError"]);
    assert_eq!(error["line"], line("broken", "steps/throws.step.js", "settings.topic"));
}

#[test]
fn every_broken_file_is_reported_and_no_other() {
    let mentioned = |file: &str| {
        let names = |error: &Value| {
            error["file"] == file
                || error["message"].as_str().is_some_and(|text| text.contains(file))
        };
        errors().iter().any(names)
    };
    let broken = [
        "steps/bad-cron.step.ts",
        "steps/duplicate-a.step.ts",
        "steps/duplicate-b.step.ts",
        "steps/no-handler.step.ts",
        "steps/no-such-file.step.ts",
        "steps/not-installed.step.ts",
        "steps/of-node.step.ts",
        "steps/route-a.step.ts",
        "steps/route-b.step.ts",
        "steps/syntax.step.ts",
        "steps/throws.step.js",
        "steps/unknown-key.step.ts",
    ];
    let missing: BTreeSet<&str> = broken.into_iter().filter(|file| !mentioned(file)).collect();
    assert!(missing.is_empty(), "not reported: {missing:?} in {:#?}", errors());
    assert!(!mentioned("steps/good.step.ts"), "{:#?}", errors());
}

#[test]
fn people_are_shown_the_place_and_the_line() {
    let project = Project::fixture("broken");
    let ended = project.build_for_people();
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let number = line_of(&project.read("steps/syntax.step.ts"), "= = 42");
    let place = format!("error: steps/syntax.step.ts:{number}:18: ");
    let shown: Vec<&str> =
        ended.stderr.lines().skip_while(|line| !line.starts_with(&place)).take(3).collect();
    assert_eq!(shown.len(), 3, "`{place}` is not in:\n{}", ended.stderr);
    assert!(shown[1].contains(&format!("{number} |")) && shown[1].contains("const answer = = 42"));
    assert_eq!(shown[2].find('^'), shown[1].find("= 42"), "{shown:#?}");
}

#[test]
fn a_project_with_errors_leaves_no_bundle() {
    let project = Project::fixture("broken");
    project.try_build();
    assert!(!project.bundle().join("manifest.json").exists());
}

#[test]
fn python_errors_have_their_place() {
    let errors = errors_of("broken-python");
    let syntax = error_in(&errors, "steps/syntax_step.py", &["invalid syntax"]);
    assert_eq!(syntax["line"], line("broken-python", "steps/syntax_step.py", "= = 42"));
    let module = "nobody_ever_installed_this";
    let missing = error_in(&errors, "steps/missing_module_step.py", &[module]);
    assert_eq!(missing["line"], 1);
}

#[test]
fn a_python_package_with_native_code_is_named() {
    let errors = errors_of("native-package");
    let names_it = |error: &Value| {
        let text = format!("{} {}", error["file"], error["message"]);
        ["requirements.txt", "numpy", "native code"].iter().all(|part| text.contains(part))
    };
    assert!(errors.iter().any(names_it), "{errors:#?}");
}

#[test]
fn a_rust_error_has_its_place() {
    let errors = errors_of("broken-rust");
    let error = error_in(&errors, "steps/typo_step.rs", &["mismatched types"]);
    assert_eq!(error["line"], line("broken-rust", "steps/typo_step.rs", "\"many\""));
}

#[test]
fn a_directory_without_steps_says_what_a_project_is() {
    let project = Project::fixture("broken");
    std::fs::remove_dir_all(project.root().join("steps")).expect("to empty the project");
    let ended = project.build_for_people();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no `steps` or `src` directory"), "{}", ended.stderr);
}
