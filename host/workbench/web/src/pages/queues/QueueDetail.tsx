import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { type FormEvent, type ReactNode, useState } from 'react'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, ApiError, path } from '../../api/client.ts'
import type { Queue } from '../../api/types.ts'
import { Button, Count, Dialog, EmptyState, ErrorState, Field, Loading, Page, Tabs, TextInput, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import { queue as queueOf, useThroughput } from './data.ts'
import { Deliveries } from './Deliveries.tsx'
import { Lanes } from './Lanes.tsx'
import styles from './queues.module.css'
import { Condition } from './QueueList.tsx'
import { COUNTED } from './reasons.ts'
import { Settings } from './Settings.tsx'
import { rateText } from './throughput.ts'

const route = getRouteApi('/queues')

const TABS = [
  { value: 'waiting', label: 'Waiting and running' },
  { value: 'keys', label: 'By key' },
  { value: 'settings', label: 'Limits' },
]

export function QueueDetail({ step }: { step: string }) {
  const { tab = 'waiting' } = route.useSearch()
  const navigate = route.useNavigate()
  const { data: queue, error, refetch } = useQuery(queueOf(step))
  const back = (
    <Link to="/queues" search={{}} className={styles.back}>
      Queues
    </Link>
  )

  if (error instanceof ApiError && error.status === 404) {
    return (
      <Page title={step}>
        <EmptyState title={`There is no queue of a step “${step}”`} hint="Its step is not deployed, and nothing waits for it." action={back} />
      </Page>
    )
  }
  if (!queue) return <Page title={step}>{error ? <ErrorState error={error} retry={refetch} /> : <Loading />}</Page>
  return (
    <Page
      name={step}
      fill
      title={
        <span className={styles.title}>
          {back}
          <span aria-hidden="true">/</span>
          <span>{step}</span>
          <Condition queue={queue} />
        </span>
      }
      actions={<PauseButton queue={queue} />}
    >
      <div className={styles.detail}>
        {queue.paused && <Paused queue={queue} />}
        <Numbers queue={queue} />
        <div className={details.tabs}>
          <Tabs items={TABS} label={`Parts of ${step}`} value={tab} onChange={(next) => navigate({ search: { step, tab: next as typeof tab } })} />
        </div>
        {tab === 'waiting' && <Deliveries queue={queue} />}
        {tab === 'keys' && <Lanes step={step} />}
        {tab === 'settings' && <Settings queue={queue} />}
      </div>
    </Page>
  )
}

function Paused({ queue }: { queue: Queue }) {
  const pause = queue.paused!
  return (
    <div className={styles.paused} role="status">
      <p>
        <strong>Paused</strong> since <Time at={pause.since} />: {pause.reason}
      </p>
      {pause.poison && <p>The queue goes on by itself as soon as another version of the step is deployed; resuming tries the same one again.</p>}
    </div>
  )
}

function Numbers({ queue }: { queue: Queue }) {
  const perSecond = useThroughput()
  return (
    <dl className={styles.numbers}>
      <Figure label="Ready" meaning={COUNTED.ready}>
        <Count n={queue.ready} />
      </Figure>
      <Figure label="Delayed" meaning={COUNTED.delayed}>
        <Count n={queue.delayed} />
      </Figure>
      <Figure label="Parked" meaning={COUNTED.parked}>
        <Count n={queue.parked} />
      </Figure>
      <Figure label="In flight" meaning={COUNTED.inFlight}>
        {queue.inFlight}
        {queue.concurrency !== null && <small> / {queue.concurrency}</small>}
      </Figure>
      <Figure label="Oldest" meaning={COUNTED.oldest}>{queue.oldestDueAt === null ? '–' : <Time at={queue.oldestDueAt} />}</Figure>
      <Figure label="Throughput" meaning={COUNTED.throughput}>{rateText(perSecond(queue.step))}</Figure>
      <Figure label="Dead" meaning={COUNTED.dead}>
        {queue.dead > 0 ? (
          <Link to="/dead-letters" search={{ step: queue.step }} className={styles.dead}>
            <Count n={queue.dead} />
          </Link>
        ) : (
          '0'
        )}
      </Figure>
    </dl>
  )
}

function Figure({ label, meaning, children }: { label: string; meaning: string; children: ReactNode }) {
  return (
    <div title={meaning}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function PauseButton({ queue }: { queue: Queue }) {
  const [asks, setAsks] = useState(false)
  const [reason, setReason] = useState('')
  const { change, busy } = useChange('queues', 'deliveries')
  const mayChange = useMayChange()
  const at = (action: string) => `queues/${path(queue.step)}/${action}`
  if (!mayChange || queue.concurrency === null) return null
  if (queue.paused) {
    return (
      <Button variant="primary" icon="play" busy={busy} onClick={() => change(() => api.post(at('resume')), 'The queue goes on.')}>
        Resume
      </Button>
    )
  }
  const pause = async () => {
    const body = reason.trim() ? { reason: reason.trim() } : {}
    if (await change(() => api.post(at('pause'), body), 'The queue is paused.')) setAsks(false)
  }
  return (
    <>
      <Button icon="pause" onClick={() => setAsks(true)}>
        Pause
      </Button>
      <Dialog
        open={asks}
        onClose={() => setAsks(false)}
        title={`Pause ${queue.step}`}
        actions={
          <>
            <Button variant="ghost" onClick={() => setAsks(false)}>
              Cancel
            </Button>
            <Button variant="primary" busy={busy} onClick={pause}>
              Pause
            </Button>
          </>
        }
      >
        <form
          className={details.form}
          onSubmit={(event: FormEvent) => {
            event.preventDefault()
            void pause()
          }}
        >
          <p>Nothing new is attempted until somebody resumes the queue. What runs ends, and new events are stored.</p>
          <Field label="Reason" hint="For whoever finds it paused.">
            {(ids) => <TextInput {...ids} autoFocus value={reason} onChange={setReason} placeholder="the bank is down" />}
          </Field>
        </form>
      </Dialog>
    </>
  )
}
