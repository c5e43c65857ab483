//! `motia generate step`: one new step file.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use dialoguer::{Input, Select};
use motia_manifest::{ConfigError, METHODS, StepConfig};
use motia_toolchain::scaffold;
use serde_json::{Map, Value, json};

/// Write a new step that builds and runs as it is.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  motia generate step CreateOrder --type api --language typescript --method POST --path /orders --emits order.created\n  \
                  motia generate step ShipOrder --type event --language python --subscribes order.created\n  \
                  motia generate step WatchStock --type state --language typescript --group-id 'stock:*'\n\n\
                  On a terminal it asks for what is missing. Nothing is overwritten."
)]
pub struct Step {
    /// The step's name; the file's name follows from it.
    name: Option<String>,
    /// What calls the step.
    #[arg(long = "type", value_enum)]
    kind: Option<Kind>,
    /// The language of the file.
    #[arg(long, value_enum)]
    language: Option<Language>,
    /// The directory of the file, in `steps` or `src`.
    #[arg(long, short, default_value = "steps")]
    dir: PathBuf,
    /// The method that an api step answers.
    #[arg(long)]
    method: Option<String>,
    /// The path that an api step answers, such as /orders/:id.
    #[arg(long)]
    path: Option<String>,
    /// The topics that an event step gets; repeat it, or put commas between.
    #[arg(long, value_name = "TOPIC", value_delimiter = ',')]
    subscribes: Vec<String>,
    /// The schedule of a cron step, such as "*/5 * * * *".
    #[arg(long)]
    cron: Option<String>,
    /// The stream whose changes a stream step gets.
    #[arg(long)]
    stream_name: Option<String>,
    /// The group whose changes a state or stream step gets, where "*" stands for any text; all if absent.
    #[arg(long, value_name = "PATTERN")]
    group_id: Option<String>,
    /// The key whose changes a state step gets, where "*" stands for any text; all if absent.
    #[arg(long, value_name = "PATTERN")]
    key: Option<String>,
    /// The item whose changes a stream step gets, where "*" stands for any text; all if absent.
    #[arg(long, value_name = "PATTERN")]
    item_id: Option<String>,
    /// The topics that the step emits; repeat it, or put commas between.
    #[arg(long, value_name = "TOPIC", value_delimiter = ',')]
    emits: Vec<String>,
    /// The flows in which the step is drawn; repeat it, or put commas between.
    #[arg(long, value_delimiter = ',')]
    flow: Vec<String>,
    /// What the step does, for people.
    #[arg(long)]
    description: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Kind {
    /// Answers HTTP requests.
    Api,
    /// Handles events.
    Event,
    /// Runs on a schedule.
    Cron,
    /// Handles changes of state.
    State,
    /// Handles changes of a stream's items.
    Stream,
    /// Is only drawn in its flows.
    Noop,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    #[value(alias = "ts")]
    Typescript,
    #[value(alias = "js")]
    Javascript,
    #[value(alias = "py")]
    Python,
    #[value(alias = "rs")]
    Rust,
}

impl Step {
    /// Asks for what is missing and writes the file.
    pub fn run(mut self) -> Result<ExitCode> {
        if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
            self.ask()?;
        }
        let kind = required(self.kind, "--type")?;
        let language = match required(self.language, "--language")? {
            Language::Typescript => motia_manifest::Language::TypeScript,
            Language::Javascript => motia_manifest::Language::JavaScript,
            Language::Python => motia_manifest::Language::Python,
            Language::Rust => motia_manifest::Language::Rust,
        };
        // The build reads the config with the same code, so what it would refuse is refused here.
        let config =
            StepConfig::from_json(&self.config(kind)).map_err(|errors| refused(&errors))?;
        let file = scaffold::file(&self.dir, &config.name, language).map_err(anyhow::Error::msg)?;
        fs::create_dir_all(&self.dir).with_context(|| self.dir.display().to_string())?;
        let mut created = match OpenOptions::new().write(true).create_new(true).open(&file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
                "{} exists already and is not overwritten; choose another name",
                file.display()
            ),
            created => created.with_context(|| file.display().to_string())?,
        };
        created
            .write_all(scaffold::text(&config, language).as_bytes())
            .with_context(|| file.display().to_string())?;
        println!("{} is ready; `motia dev` serves it", file.display());
        if language == motia_manifest::Language::TypeScript && kind != Kind::Noop {
            println!("`motia generate types` lets editors know what its handler gets");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Asks for what the step cannot do without.
    fn ask(&mut self) -> Result<()> {
        let name = answer(&mut self.name, || ask_text("name", None))?;
        let kind = *answer(&mut self.kind, || ask_one("type"))?;
        answer(&mut self.language, || ask_one("language"))?;
        match kind {
            Kind::Api => {
                let path = format!("/{}", scaffold::words(name).join("-"));
                answer(&mut self.method, || {
                    let chosen = Select::new().with_prompt("method").items(METHODS).default(0);
                    Ok(METHODS[chosen.interact()?].to_owned())
                })?;
                answer(&mut self.path, || ask_text("path", Some(path)))?;
            }
            Kind::Event if self.subscribes.is_empty() => {
                let topics = ask_text("topics that it gets, with commas between", None)?;
                self.subscribes = topics.split(',').map(|topic| topic.trim().to_owned()).collect();
            }
            Kind::Cron => {
                let hourly = "0 * * * *".to_owned();
                answer(&mut self.cron, || ask_text("schedule", Some(hourly)))?;
            }
            Kind::Stream => {
                answer(&mut self.stream_name, || ask_text("stream", None))?;
            }
            Kind::Event | Kind::State | Kind::Noop => {}
        }
        Ok(())
    }

    /// The config of these options, checked by nobody yet.
    fn config(&self, kind: Kind) -> Value {
        // What a noop step emits and gets is only drawn.
        let (emits, subscribes) = match kind {
            Kind::Noop => ("virtualEmits", "virtualSubscribes"),
            _ => ("emits", "subscribes"),
        };
        let texts = [
            ("type", Some(word(&kind))),
            ("name", self.name.clone()),
            ("description", self.description.clone()),
            ("method", self.method.as_ref().map(|method| method.to_uppercase())),
            ("path", self.path.clone()),
            ("cron", self.cron.clone()),
            ("streamName", self.stream_name.clone()),
            ("groupId", self.group_id.clone()),
            ("key", self.key.clone()),
            ("itemId", self.item_id.clone()),
        ];
        let lists = [(emits, &self.emits), (subscribes, &self.subscribes), ("flows", &self.flow)];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key, json!(text?))));
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(key, list)| (key, json!(list)));
        let fields: Map<String, Value> =
            texts.chain(lists).map(|(key, value)| (key.to_owned(), value)).collect();
        Value::Object(fields)
    }
}

fn required<T: ValueEnum>(value: Option<T>, option: &str) -> Result<T> {
    let words: Vec<String> = T::value_variants().iter().map(word).collect();
    value.with_context(|| format!("{option}: is missing; expected one of {}", words.join(", ")))
}

/// Everything that is wrong, by the options that said it.
fn refused(errors: &[ConfigError]) -> anyhow::Error {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| {
            let option = match error.field.split('[').next().unwrap_or_default() {
                "name" => "NAME".to_owned(),
                "flows" => "--flow".to_owned(),
                "virtualEmits" => "--emits".to_owned(),
                "virtualSubscribes" => "--subscribes".to_owned(),
                field => format!("--{}", scaffold::words(field).join("-")),
            };
            format!("{option}: {}", error.message)
        })
        .collect();
    anyhow!(lines.join("\nerror: "))
}

/// The value, asked for if there is none.
fn answer<T>(value: &mut Option<T>, ask: impl FnOnce() -> Result<T>) -> Result<&mut T> {
    let answer = match value.take() {
        Some(given) => given,
        None => ask()?,
    };
    Ok(value.insert(answer))
}

fn ask_text(prompt: &str, default: Option<String>) -> Result<String> {
    let mut input = Input::new().with_prompt(prompt);
    if let Some(default) = default {
        input = input.default(default);
    }
    Ok(input.interact_text()?)
}

fn ask_one<T: ValueEnum + Copy>(prompt: &str) -> Result<T> {
    let all = T::value_variants();
    let words: Vec<String> = all.iter().map(word).collect();
    Ok(all[Select::new().with_prompt(prompt).items(&words).default(0).interact()?])
}

fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
