import { useState } from 'react'

import type { Json, JsonObject, JsonSchema } from '../../api/types.ts'
import { exampleOf, mainType, resolved, typesOf } from '../../schema.ts'
import { Button, Checkbox, Field, IconButton, Select, TextInput } from '../../ui/index.ts'
import styles from './endpoints.module.css'

interface SchemaFormProps {
  schema: JsonSchema
  root: JsonSchema
  name: string
  required: boolean
  value: Json | undefined
  /** `undefined` takes the value out. */
  onChange: (value: Json | undefined) => void
}

/** Controls for a value, as its schema describes it; what has no control of its own is written as JSON. */
export function SchemaForm(props: SchemaFormProps) {
  const schema = resolved(props.schema, props.root)
  const rest = { ...props, schema }
  if (schema.enum) return <EnumField {...rest} options={schema.enum} />
  switch (mainType(schema)) {
    case 'object':
      return schema.properties ? <ObjectFields {...rest} properties={schema.properties} /> : <JsonField {...rest} />
    case 'array':
      return schema.items ? <ArrayFields {...rest} items={schema.items} /> : <JsonField {...rest} />
    case 'string':
      return <TextField {...rest} />
    case 'integer':
    case 'number':
      return <NumberField {...rest} />
    case 'boolean':
      return props.required ? <BooleanField {...rest} /> : <EnumField {...rest} options={[true, false]} />
    default:
      return <JsonField {...rest} />
  }
}

function Label({ name, required, schema }: Pick<SchemaFormProps, 'name' | 'required' | 'schema'>) {
  return (
    <span className={styles.label}>
      {name}
      {required && (
        <span className={styles.required} title="required">
          *
        </span>
      )}
      <span className={styles.type}>{schema.format ?? typesOf(schema).join(' | ')}</span>
    </span>
  )
}

function ObjectFields({ schema, root, name, required, value, onChange, properties }: SchemaFormProps & { properties: Record<string, JsonSchema> }) {
  const object: JsonObject = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  const change = (member: string, next: Json | undefined) => {
    const { [member]: _, ...others } = object
    onChange(next === undefined ? others : { ...object, [member]: next })
  }
  const fields = Object.entries(properties).map(([member, child]) => (
    <SchemaForm
      key={member}
      name={member}
      onChange={(next) => change(member, next)}
      required={schema.required?.includes(member) ?? false}
      root={root}
      schema={child}
      value={object[member]}
    />
  ))
  if (name === '') return <div className={styles.form}>{fields}</div>
  return (
    <fieldset className={styles.group}>
      <legend>
        <Label name={name} required={required} schema={schema} />
      </legend>
      {schema.description && <p className={styles.about}>{schema.description}</p>}
      <div className={styles.form}>{fields}</div>
    </fieldset>
  )
}

function ArrayFields({ schema, root, name, required, value, onChange, items }: SchemaFormProps & { items: JsonSchema }) {
  const list = Array.isArray(value) ? value : []
  return (
    <fieldset className={styles.group}>
      <legend>
        <Label name={name || 'items'} required={required} schema={schema} />
      </legend>
      {schema.description && <p className={styles.about}>{schema.description}</p>}
      {list.map((item, index) => (
        <div className={styles.item} key={index}>
          <div className={styles.form}>
            <SchemaForm
              name={resolved(items, root).properties ? '' : String(index + 1)}
              onChange={(next) => onChange(list.map((old, at) => (at === index ? (next ?? null) : old)))}
              required={false}
              root={root}
              schema={items}
              value={item}
            />
          </div>
          <IconButton icon="trash" label={`Remove item ${index + 1} of ${name || 'the list'}`} onClick={() => onChange(list.filter((_, at) => at !== index))} size="small" />
        </div>
      ))}
      <Button icon="plus" onClick={() => onChange([...list, exampleOf(items, root)])} size="small" variant="ghost">
        Add to {name || 'the list'}
      </Button>
    </fieldset>
  )
}

function EnumField({ schema, name, required, value, onChange, options }: SchemaFormProps & { options: Json[] }) {
  const choices = options.map((option) => ({ value: JSON.stringify(option), label: typeof option === 'string' ? option : JSON.stringify(option) }))
  const none = { value: '', label: required ? 'choose one' : 'not sent' }
  return (
    <Field hint={schema.description} label={<Label name={name} required={required} schema={schema} />}>
      {({ id }) => (
        <Select
          id={id}
          onChange={(chosen) => onChange(chosen === '' ? undefined : (JSON.parse(chosen) as Json))}
          options={[none, ...choices]}
          value={value === undefined ? '' : JSON.stringify(value)}
        />
      )}
    </Field>
  )
}

const INPUT_TYPES: Record<string, string> = { email: 'email', uri: 'url', date: 'date' }

function TextField({ schema, name, required, value, onChange }: SchemaFormProps) {
  const change = (text: string) => onChange(text === '' && !required ? undefined : text)
  return (
    <Field hint={schema.description} label={<Label name={name} required={required} schema={schema} />}>
      {(ids) => <TextInput {...ids} onChange={change} type={INPUT_TYPES[schema.format ?? ''] ?? 'text'} value={typeof value === 'string' ? value : ''} />}
    </Field>
  )
}

function NumberField({ schema, name, required, value, onChange }: SchemaFormProps) {
  const change = (text: string) => onChange(text === '' ? undefined : Number(text))
  return (
    <Field hint={schema.description} label={<Label name={name} required={required} schema={schema} />}>
      {(ids) => (
        <TextInput
          {...ids}
          inputMode="decimal"
          max={schema.maximum}
          min={schema.minimum}
          onChange={change}
          step={mainType(schema) === 'integer' ? 1 : 'any'}
          type="number"
          value={typeof value === 'number' ? String(value) : ''}
        />
      )}
    </Field>
  )
}

function BooleanField({ schema, name, required, value, onChange }: SchemaFormProps) {
  return (
    <div>
      <Checkbox checked={value === true} label={<Label name={name} required={required} schema={schema} />} onChange={onChange} />
      {schema.description && <p className={styles.about}>{schema.description}</p>}
    </div>
  )
}

/** Keeps what is typed until it is JSON. */
function JsonField({ schema, name, required, value, onChange }: SchemaFormProps) {
  const [text, setText] = useState<string | null>(null)
  const written = text ?? (value === undefined ? '' : JSON.stringify(value))
  const change = (next: string) => {
    setText(next)
    if (next.trim() === '') return onChange(undefined)
    try {
      onChange(JSON.parse(next) as Json)
    } catch {
      // It is not whole yet.
    }
  }
  const isWrong = written.trim() !== '' && !isJson(written)
  return (
    <Field error={isWrong ? 'This is no JSON yet.' : null} hint={schema.description} label={<Label name={name || 'value'} required={required} schema={schema} />}>
      {(ids) => <TextInput {...ids} className={styles.mono} onBlur={() => !isWrong && setText(null)} onChange={change} placeholder="JSON" value={written} />}
    </Field>
  )
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
