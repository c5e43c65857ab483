import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { Badge, Button, Bytes, classes, CodeView, CopyButton, Duration, EmptyState, JsonView, Tabs, type Tone } from '../../ui/index.ts'
import styles from './endpoints.module.css'
import { LiveItem } from './LiveItem.tsx'
import { markersOf } from './request.ts'
import type { Answer } from './send.ts'

/** So much JSON is shown as a tree; more as text. */
const TREE_BYTES = 2_000_000

/** An answer: what it is in one line, then its body, its headers, and the stream items that it stands for. */
export function AnswerView({ answer, busy }: { answer: Answer; busy: boolean }) {
  const [tab, setTab] = useState('body')
  const markers = markersOf(answer.json)
  const tabs = [
    { value: 'body', label: 'Body' },
    { value: 'headers', label: 'Headers', count: answer.headers.length },
  ]
  return (
    <div className={classes(styles.answer, busy && styles.old)}>
      <div className={styles.facts} role="status">
        <Badge tone={toneOf(answer.status)}>
          {answer.status} {answer.statusText}
        </Badge>
        <Duration ms={answer.ms} />
        <Bytes n={answer.bytes.length} />
        <span className={styles.space} />
        {answer.traceId && (
          <Link params={{ trace: answer.traceId }} to="/traces/$trace">
            Trace <code>{answer.traceId.slice(0, 14)}</code>
          </Link>
        )}
      </div>
      {markers.map((marker) => (
        <LiveItem key={`${marker.streamName} ${marker.groupId} ${marker.id}`} marker={marker} />
      ))}
      <Tabs items={tabs} label="Parts of the response" onChange={setTab} value={tab} />
      {tab === 'body' ? <Body answer={answer} /> : <Headers headers={answer.headers} />}
    </div>
  )
}

function toneOf(status: number): Tone {
  if (status >= 500) return 'danger'
  if (status >= 400) return 'warning'
  return status >= 300 ? 'info' : 'success'
}

function Body({ answer }: { answer: Answer }) {
  const [raw, setRaw] = useState(false)
  const { text, json, bytes, headers } = answer
  if (bytes.length === 0) return <EmptyState icon="inbox" title="The response has no body" />
  if (text === null) {
    const type = headers.find(([name]) => name === 'content-type')?.[1] ?? 'application/octet-stream'
    return <EmptyState action={<SaveButton bytes={bytes} type={type} />} hint={<code>{type}</code>} icon="download" title="The body is no text" />
  }
  const asTree = json !== undefined && bytes.length < TREE_BYTES && !raw
  return (
    <div className={styles.body}>
      <div className={styles.bodyTools}>
        {json !== undefined && (
          <Button onClick={() => setRaw(!raw)} size="small" variant="ghost">
            {raw ? 'Tree' : 'Text'}
          </Button>
        )}
        <CopyButton label="Copy the body" text={text} />
      </div>
      {asTree ? <JsonView collapsed={4} value={json} /> : <CodeView code={text} label="Body of the response" language={json === undefined ? 'text' : 'json'} />}
    </div>
  )
}

function SaveButton({ bytes, type }: { bytes: Uint8Array<ArrayBuffer>; type: string }) {
  const save = () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([bytes], { type }))
    link.download = 'response'
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <Button icon="download" onClick={save}>
      Save as a file
    </Button>
  )
}

function Headers({ headers }: { headers: [string, string][] }) {
  return (
    <dl className={styles.headers}>
      {headers.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
