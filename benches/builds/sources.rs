//! Sources of the steps that are measured.

use motia_manifest::Language;

/// The path of the step whose answer is a value.
pub const VALUE_PATH: &str = "/bench-value";

/// The name of that step.
pub const VALUE_NAME: &str = "BenchValue";

/// The file and the content of the step that answers with a value.
pub fn value_step(language: Language, value: u32) -> (&'static str, String) {
    match language {
        Language::Python => ("steps/bench_value_step.py", python(value)),
        Language::Rust => ("steps/bench_value_step.rs", rust(value)),
        Language::JavaScript => ("steps/bench-value.step.js", javascript(value)),
        Language::TypeScript | Language::Component => {
            ("steps/bench-value.step.ts", javascript(value))
        }
    }
}

fn javascript(value: u32) -> String {
    format!(
        "export const config = {{ type: 'api', name: '{VALUE_NAME}', method: 'GET', path: '{VALUE_PATH}' }}\n\n\
         export const handler = async () => ({{ status: 200, body: {{ value: {value} }} }})\n"
    )
}

fn python(value: u32) -> String {
    format!(
        "config = {{\"type\": \"api\", \"name\": \"{VALUE_NAME}\", \"method\": \"GET\", \"path\": \"{VALUE_PATH}\"}}\n\n\n\
         async def handler(req, context):\n    return {{\"status\": 200, \"body\": {{\"value\": {value}}}}}\n"
    )
}

fn rust(value: u32) -> String {
    format!(
        "use motia::prelude::*;\n\n\
         #[motia::api(name = \"{VALUE_NAME}\", method = \"GET\", path = \"{VALUE_PATH}\")]\n\
         fn handler(_req: Request) -> Result<Response> {{\n    \
         Ok(Response::ok(json!({{ \"value\": {value} }})))\n}}\n"
    )
}

/// A step of a project in TypeScript; every second one checks its bodies with zod.
pub fn typescript_step(number: usize) -> String {
    let (import, body) = match number % 2 {
        0 => ("import { z } from 'zod'\n", "z.object({ id: z.string(), count: z.number().int() })"),
        _ => ("", "{ type: 'object', required: ['id'] }"),
    };
    format!(
        "{import}import type {{ ApiRouteConfig, ApiRouteHandler }} from 'motia'\n\n\
         const bodySchema = {body}\n\n\
         export const config: ApiRouteConfig = {{\n  type: 'api',\n  name: 'Step{number}',\n  method: 'POST',\n  \
         path: '/{number}',\n  bodySchema,\n}}\n\n\
         export const handler: ApiRouteHandler = async (req) => ({{ status: 200, body: {{ id: req.body.id, by: {number} }} }})\n"
    )
}

/// A step unlike those of other projects, in code and in data.
pub fn distinct_step(project: u32, step: u32) -> String {
    let name = format!("P{project}S{step}");
    let length = 100 + project + step;
    format!(
        "const table = Array.from({{ length: {length} }}, (_, i) => `{name} ${{i}}`)\n\n\
         export const config = {{ type: 'api', name: '{name}', method: 'GET', path: '/{step}' }}\n\n\
         export const handler = async () => ({{ status: 200, body: {{ last: table[{project} % table.length] }} }})\n"
    )
}
