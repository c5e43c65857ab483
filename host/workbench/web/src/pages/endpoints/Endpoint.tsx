import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'

import { projectUrl } from '../../api/client.ts'
import { queries } from '../../api/queries.ts'
import type { StepDetail } from '../../api/types.ts'
import { Button, CopyButton, EmptyState, ErrorState, IconButton, isMac, Kbd, Loading, MethodBadge, toast, useDebounced, useHotkey } from '../../ui/index.ts'
import { AnswerView } from './AnswerView.tsx'
import styles from './endpoints.module.css'
import { curlOf, type Draft, firstDraft, fitted, missingParams, urlOf } from './request.ts'
import { RequestEditor } from './RequestEditor.tsx'
import { SavedRequests } from './SavedRequests.tsx'
import { type Answer, send } from './send.ts'
import { keepDraft, keptOf } from './storage.ts'

/** One endpoint: a request to write and send, and its answer. */
export function Endpoint({ name, project, onBack }: { name: string; project: string; onBack: () => void }) {
  const { data: step, error, refetch } = useQuery(queries.step(name))
  if (error) return <ErrorState error={error} retry={() => void refetch()} />
  if (!step) return <Loading />
  if (step.kind !== 'api') return <EmptyState hint="Only api steps have one." icon="endpoints" title={`${name} has no endpoint`} />
  return <Workplace key={step.name} onBack={onBack} project={project} step={step} />
}

/** Stays for those who follow its trace and come back. */
let lastAnswer: { place: string; answer: Answer } | undefined

function Workplace({ step, project, onBack }: { step: StepDetail; project: string; onBack: () => void }) {
  const [draft, setDraft] = useState<Draft>(() => {
    const kept = keptOf(project).drafts[step.name]
    return kept ? fitted(kept, step) : firstDraft(step)
  })
  const kept = useDebounced(draft, 300)
  useEffect(() => keepDraft(project, step.name, kept), [project, step.name, kept])

  const place = `${project} ${step.name}`
  const running = useRef<AbortController>(null)
  const request = useMutation<Answer, Error, Draft>({
    mutationFn: (sent) => {
      running.current?.abort()
      running.current = new AbortController()
      return send(step, sent, running.current.signal)
    },
    onSuccess: (answer) => (lastAnswer = { place, answer }),
  })
  useEffect(() => () => running.current?.abort(), [])

  const answer = request.error ? undefined : (request.data ?? (lastAnswer?.place === place ? lastAnswer.answer : undefined))

  const missing = missingParams(step, draft)
  const submit = () => {
    if (missing.length > 0) toast(`The path needs a value for ${missing.join(', ')}.`, 'warning')
    else request.mutate(draft)
  }
  useHotkey('mod+enter', submit, 'Send the request')
  const base = projectUrl()
  const url = urlOf(base, step, draft)
  return (
    <article aria-label={`${step.method} ${step.path}`} className={styles.endpoint}>
      <header className={styles.head}>
        <div className={styles.bar}>
          <span className={styles.back}>
            <IconButton icon="chevronLeft" label="All endpoints" onClick={onBack} />
          </span>
          <div className={styles.url}>
            <MethodBadge method={step.method ?? ''} />
            <code title={url.href}>
              {readable(url.pathname)}
              <span className={styles.query}>{url.search}</span>
            </code>
          </div>
          <CopyButton label="Copy as curl" text={() => curlOf(base, step, draft)} />
          {request.isPending ? (
            <Button icon="stop" onClick={() => running.current?.abort()}>
              Stop
            </Button>
          ) : (
            <Button aria-keyshortcuts="Control+Enter" icon="send" onClick={submit} title={isMac ? '⌘ Enter' : 'Ctrl Enter'} variant="primary">
              Send
            </Button>
          )}
        </div>
        <p className={styles.about}>
          <Link search={{ flow: step.flows[0], step: step.name }} to="/flows">
            {step.name}
          </Link>
          {step.description && <> - {step.description}</>}
        </p>
        <SavedRequests draft={draft} onApply={(saved) => setDraft(fitted(saved, step))} onReset={() => setDraft(firstDraft(step))} project={project} step={step} />
      </header>
      <div className={styles.sides}>
        <RequestEditor draft={draft} onChange={setDraft} onSubmit={submit} step={step} />
        <section aria-label="Response" className={styles.response}>
          {answer && <AnswerView answer={answer} busy={request.isPending} />}
          {!answer && !request.error && <NoAnswer busy={request.isPending} />}
          {request.error && <Failure error={request.error} retry={submit} />}
        </section>
      </div>
    </article>
  )
}

/** A path for people. */
function readable(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

function NoAnswer({ busy }: { busy: boolean }) {
  if (busy) return <Loading />
  const hint = (
    <>
      <Kbd keys="mod+enter" /> sends the request to the running project.
    </>
  )
  return <EmptyState hint={hint} icon="send" title="The response appears here" />
}

function Failure({ error, retry }: { error: Error; retry: () => void }) {
  if (error.name === 'AbortError') return <EmptyState icon="stop" title="Stopped before an answer came" />
  return <ErrorState error={new Error(`No answer came: ${error.message}`)} retry={retry} />
}
