//! What a bundle runs beside its steps: the functions of streams, and what authenticates clients of streams. To the
//! rest of the engine each is a step that nothing triggers.

use std::{collections::HashMap, time::Duration};

use motia_manifest::{Artifact, Code, Language, Manifest, Step, StepConfig, StepKind, Stream};
use motia_sandbox::Limits;

use crate::{
    deployment::{DeployError, StepIndex},
    schema::Schema,
};

/// A client waits for the answer before it gets anything.
const LONGEST: Duration = Duration::from_secs(5);

/// The name under which the authentication of clients is logged and recorded.
const AUTH: &str = "streamAuth";

/// Where a deployment has them among its steps.
#[derive(Default)]
pub struct Hooks {
    streams: HashMap<String, StepIndex>,
    auth: Option<StepIndex>,
    context_schema: Option<Schema>,
}

impl Hooks {
    /// Those of a manifest, as steps that follow the manifest's own.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn of(manifest: &Manifest) -> Result<(Self, Vec<Step>), DeployError> {
        let mut hooks = Self::default();
        let mut steps = Vec::new();
        let first = manifest.steps.len();
        for stream in manifest.streams.iter().filter(|stream| !stream.config.hooks.is_empty()) {
            let index = StepIndex(first + steps.len());
            steps.push(step_of_stream(stream)?);
            hooks.streams.insert(stream.config.name.clone(), index);
        }
        if let Some(auth) = &manifest.stream_auth {
            hooks.auth = Some(StepIndex(first + steps.len()));
            let (code, map) = (auth.code.clone(), auth.source_map.clone());
            steps.push(step(AUTH.to_owned(), &auth.file, auth.language, code, map));
            let compiled = auth.context_schema.as_ref().map(Schema::compile).transpose();
            hooks.context_schema = compiled.map_err(|cause| DeployError::Schema {
                file: auth.file.clone(),
                field: "streamAuth.contextSchema".to_owned(),
                cause,
            })?;
        }
        Ok((hooks, steps))
    }

    /// What runs the functions of a stream.
    pub fn of_stream(&self, name: &str) -> Option<StepIndex> {
        self.streams.get(name).copied()
    }

    /// What authenticates clients.
    pub fn auth(&self) -> Option<StepIndex> {
        self.auth
    }

    /// The schema of what is known of a client.
    pub fn context_schema(&self) -> Option<&Schema> {
        self.context_schema.as_ref()
    }
}

/// The limits of a function, given those of api steps.
pub fn limits(api: &Limits) -> Limits {
    Limits { cpu: api.cpu.min(LONGEST), wall_clock: api.wall_clock.min(LONGEST), ..api.clone() }
}

fn step_of_stream(stream: &Stream) -> Result<Step, DeployError> {
    let Some(code) = stream.code.clone() else {
        let cause =
            "the stream has functions, but the bundle has nothing that runs them".to_owned();
        return Err(DeployError::Step { file: stream.file.clone(), cause });
    };
    let name = format!("stream:{}", stream.config.name);
    Ok(step(name, &stream.file, stream.language, code, stream.source_map.clone()))
}

fn step(
    name: String,
    file: &str,
    language: Language,
    code: Code,
    source_map: Option<Artifact>,
) -> Step {
    Step {
        file: file.to_owned(),
        language,
        code: Some(code),
        source_map,
        included_files: Vec::new(),
        config: StepConfig {
            name,
            description: None,
            flows: Vec::new(),
            emits: Vec::new(),
            virtual_emits: Vec::new(),
            virtual_subscribes: Vec::new(),
            include_files: Vec::new(),
            atomic: false,
            kind: StepKind::Noop,
        },
    }
}
