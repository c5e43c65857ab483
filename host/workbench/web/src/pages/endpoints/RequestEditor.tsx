import { useState } from 'react'

import type { Json, StepDetail } from '../../api/types.ts'
import { exampleOf } from '../../schema.ts'
import { Button, CodeEditor, CodeView, EmptyState, Field, Select, type TabItem, Tabs, TextArea, TextInput } from '../../ui/index.ts'
import styles from './endpoints.module.css'
import { type BodyMode, type Draft, missingParams, parsedBody, type PathParam, pathParamsOf, type Row, takesBody } from './request.ts'
import { RowsEditor } from './RowsEditor.tsx'
import { SchemaForm } from './SchemaForm.tsx'

interface EditorProps {
  step: StepDetail
  draft: Draft
  onChange: (draft: Draft) => void
  onSubmit: () => void
}

const HEADERS = ['accept', 'accept-language', 'authorization', 'content-type', 'cookie', 'idempotency-key', 'if-none-match', 'traceparent', 'x-api-key', 'x-request-id']

/** The parts of a request. */
export function RequestEditor({ step, draft, onChange, onSubmit }: EditorProps) {
  const pathParams = pathParamsOf(step.path ?? '')
  const withBody = takesBody(step.method ?? 'GET')
  const tabs: TabItem[] = [
    ...(withBody ? [{ value: 'body', label: 'Body' }] : []),
    { value: 'params', label: 'Parameters', count: count(draft.query) + pathParams.length || undefined },
    { value: 'headers', label: 'Headers', count: count(draft.headers) || undefined },
    { value: 'schema', label: 'Schemas' },
  ]
  const [tab, setTab] = useState(missingParams(step, draft).length > 0 || !withBody ? 'params' : 'body')
  return (
    <section aria-label="Request" className={styles.request}>
      <Tabs items={tabs} label="Parts of the request" onChange={setTab} value={tab} />
      <div className={styles.part}>
        {tab === 'body' && <BodyEditor draft={draft} onChange={onChange} onSubmit={onSubmit} step={step} />}
        {tab === 'params' && <ParamsEditor draft={draft} onChange={onChange} pathParams={pathParams} step={step} />}
        {tab === 'headers' && <RowsEditor onChange={(headers) => onChange({ ...draft, headers })} rows={draft.headers} suggestions={HEADERS} what="header" />}
        {tab === 'schema' && <Schemas step={step} />}
      </div>
    </section>
  )
}

function count(rows: Row[]): number {
  return rows.filter(({ on, name }) => on && name !== '').length
}

function ParamsEditor({ step, draft, pathParams, onChange }: Omit<EditorProps, 'onSubmit'> & { pathParams: PathParam[] }) {
  const hints = Object.fromEntries(step.queryParams.map(({ name, description }) => [name, description ?? 'Value']))
  return (
    <>
      {pathParams.length > 0 && (
        <fieldset className={styles.params}>
          <legend>In the path</legend>
          {pathParams.map(({ name, optional }) => (
            <Field hint={optional ? 'May be left out.' : undefined} key={name} label={name}>
              {(ids) => (
                <TextInput
                  {...ids}
                  className={styles.mono}
                  onChange={(value) => onChange({ ...draft, pathParams: { ...draft.pathParams, [name]: value } })}
                  required={!optional}
                  value={draft.pathParams[name] ?? ''}
                />
              )}
            </Field>
          ))}
        </fieldset>
      )}
      <fieldset className={styles.params}>
        <legend>In the query</legend>
        <RowsEditor hints={hints} onChange={(query) => onChange({ ...draft, query })} rows={draft.query} what="query parameter" />
      </fieldset>
    </>
  )
}

function BodyEditor({ step, draft, onChange, onSubmit }: EditorProps) {
  const schema = step.bodySchema
  const modes: { value: BodyMode; label: string }[] = [
    ...(schema ? [{ value: 'form' as const, label: 'Form' }] : []),
    { value: 'json', label: 'JSON' },
    { value: 'text', label: 'Text' },
  ]
  const setBody = (body: string) => onChange({ ...draft, body })
  const setValue = (value: Json | undefined) => setBody(value === undefined ? '' : JSON.stringify(value, null, 2))
  const value = parsedBody(draft.body)
  const isBroken = draft.body.trim() !== '' && value === undefined
  return (
    <>
      <div className={styles.bodyBar}>
        <Select label="How the body is written" onChange={(mode) => onChange({ ...draft, bodyMode: mode as BodyMode })} options={modes} value={draft.bodyMode} />
        {schema && (
          <Button onClick={() => setValue(exampleOf(schema))} size="small" variant="ghost">
            Example
          </Button>
        )}
        {draft.bodyMode === 'json' && value !== undefined && (
          <Button onClick={() => setValue(value)} size="small" variant="ghost">
            Tidy up
          </Button>
        )}
      </div>
      {draft.bodyMode === 'form' && schema && isBroken && (
        <EmptyState
          action={<Button onClick={() => onChange({ ...draft, bodyMode: 'json' })}>Mend it as JSON</Button>}
          hint="A form can only show what is valid JSON."
          icon="alert"
          title="The body is no JSON"
        />
      )}
      {draft.bodyMode === 'form' && schema && !isBroken && <SchemaForm name="" onChange={setValue} required root={schema} schema={schema} value={value} />}
      {draft.bodyMode === 'json' && <CodeEditor label="Body" language="json" minHeight={240} onChange={setBody} onSubmit={onSubmit} schema={schema} value={draft.body} />}
      {draft.bodyMode === 'text' && <TextArea className={styles.mono} label="Body" onChange={setBody} rows={12} value={draft.body} />}
    </>
  )
}

function Schemas({ step }: { step: StepDetail }) {
  const schemas = [...(step.bodySchema ? [['Body', step.bodySchema] as const] : []), ...Object.entries(step.responseSchema ?? {}).map(([status, schema]) => [`Response ${status}`, schema] as const)]
  if (schemas.length === 0) {
    const hint = (
      <>
        With a <code>bodySchema</code> in its config, bodies are checked before the step starts, and there is a form here.
      </>
    )
    return <EmptyState hint={hint} icon="code" title="The step has no schema" />
  }
  return schemas.map(([title, schema]) => (
    <section className={styles.schema} key={title}>
      <h3>{title}</h3>
      <CodeView code={JSON.stringify(schema, null, 2)} label={`${title} schema`} language="json" />
    </section>
  ))
}
