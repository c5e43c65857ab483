//! `motia create`: a new project from a template.

use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use dialoguer::{Input, Select};
use include_dir::{Dir, DirEntry, include_dir};

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// Start a project.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia create\n  motia create my-project --language python\n\n\
                        On a terminal it asks for what is not given; elsewhere, or with --yes, the defaults are taken."
)]
pub struct Create {
    /// The project's name and directory.
    name: Option<String>,
    /// What the project shows.
    #[arg(long, value_enum)]
    template: Option<Template>,
    /// The language of its steps.
    #[arg(long, value_enum)]
    language: Option<Language>,
    /// Ask nothing.
    #[arg(long, short)]
    yes: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Template {
    /// An endpoint, an event step and a cron step.
    Basic,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Typescript,
    Javascript,
    Python,
    Rust,
    /// All four, side by side.
    Mixed,
}

impl Create {
    /// Asks what is missing and writes the project.
    pub async fn run(self) -> Result<ExitCode> {
        let asking = !self.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let name = match self.name {
            Some(name) => name,
            None if asking => Input::new()
                .with_prompt("name")
                .default("my-motia-project".to_owned())
                .interact_text()?,
            None => bail!("no name; say `motia create my-project`"),
        };
        let language = match self.language {
            Some(language) => language,
            None if asking => {
                let all = Language::value_variants();
                let names: Vec<String> = all.iter().map(|language| word(*language)).collect();
                all[Select::new().with_prompt("language").items(&names).default(0).interact()?]
            }
            None => Language::Typescript,
        };
        // There is one template so far; the flag is there so that scripts can name it.
        let Template::Basic = self.template.unwrap_or(Template::Basic);
        let directory = PathBuf::from(&name);
        let project = project_name(&directory)?;
        let word = word(language);
        let template = TEMPLATES.get_dir(&word).with_context(|| format!("no template {word}"))?;

        let files = files(template, template.path());
        if let Some((taken, _)) = files.iter().find(|(path, _)| directory.join(path).exists()) {
            bail!(
                "{} exists already and is not overwritten; choose another name",
                directory.join(taken).display()
            );
        }
        for (path, content) in &files {
            let path = directory.join(path);
            let write = || {
                fs::create_dir_all(path.parent().unwrap_or(&directory))?;
                fs::write(&path, content.replace("{{name}}", &project))
            };
            write().with_context(|| path.display().to_string())?;
        }
        println!("{name} is ready:\n\n  cd {name}\n  motia dev\n\nREADME.md says how to call it.");
        Ok(ExitCode::SUCCESS)
    }
}

fn word(language: Language) -> String {
    language.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// A name that npm and cargo take, from the directory's.
fn project_name(directory: &Path) -> Result<String> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty()
        || !name.chars().all(valid)
        || !name.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        bail!("`{name}` is not a project name; expected a letter, then letters, digits, - or _");
    }
    Ok(name)
}

/// The template's files by their path in the project. A leading `_` stands for a dot.
fn files(directory: &Dir<'_>, root: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in directory.entries() {
        match entry {
            DirEntry::Dir(inner) => files.extend(self::files(inner, root)),
            DirEntry::File(file) => {
                let path = file.path().strip_prefix(root).unwrap_or(file.path());
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let path = match name.strip_prefix('_') {
                    Some(rest) if !rest.ends_with(".py") => path.with_file_name(format!(".{rest}")),
                    _ => path.to_owned(),
                };
                files.push((path, String::from_utf8_lossy(file.contents()).into_owned()));
            }
        }
    }
    files
}
