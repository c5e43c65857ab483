import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import type { Delivery } from '../../api/types.ts'
import { Badge, CopyButton, JsonView, SidePanel, Time, Words } from '../../ui/index.ts'
import details from '../details.module.css'
import { AttemptErrorView } from './AttemptErrorView.tsx'
import styles from './queues.module.css'
import { laneText, reasonOf, whyOf } from './reasons.ts'

interface Props {
  delivery: Delivery | undefined
  onClose: () => void
  action: ReactNode
}

/** All that is known of a delivery that is not done. */
export function DeliveryPanel({ delivery, onClose, action }: Props) {
  return (
    <SidePanel open={delivery !== undefined} onClose={onClose} title={`Delivery ${delivery?.id ?? ''}`} width={520}>
      {delivery && (
        <div className={details.panel}>
          <p className={styles.why}>
            <Badge tone={reasonOf(delivery).tone}>{reasonOf(delivery).label}</Badge>
            <span>
              <Words text={whyOf(delivery)} />
            </span>
          </p>
          <Facts delivery={delivery} />
          {delivery.lastError && (
            <section>
              <h3>Last error</h3>
              <AttemptErrorView error={delivery.lastError} />
            </section>
          )}
          <section>
            <h3>Data</h3>
            <JsonView value={delivery.data} />
          </section>
          {action && <div className={details.buttons}>{action}</div>}
        </div>
      )}
    </SidePanel>
  )
}

function Facts({ delivery }: { delivery: Delivery }) {
  return (
    <dl className={details.facts}>
      <dt>Step</dt>
      <dd>{delivery.step}</dd>
      <dt>Topic</dt>
      <dd>{delivery.topic}</dd>
      <dt>Event</dt>
      <dd className={details.id}>
        {delivery.eventId} <CopyButton text={delivery.eventId} />
      </dd>
      <dt>Trace</dt>
      <dd>
        <Link to="/traces/$trace" params={{ trace: delivery.traceId }}>
          {delivery.traceId}
        </Link>
      </dd>
      <dt>Emitted</dt>
      <dd>
        <Time at={delivery.emittedAt} />
      </dd>
      <dt>{delivery.state === 'leased' ? 'Lease ends' : 'Due'}</dt>
      <dd>
        <Time at={delivery.dueAt} />
      </dd>
      <dt>Attempts</dt>
      <dd>{delivery.attempt}</dd>
      <dt>Priority</dt>
      <dd>{delivery.priority}</dd>
      {delivery.lane !== null && (
        <>
          <dt>Key</dt>
          <dd>{laneText(delivery.lane)}</dd>
        </>
      )}
      {delivery.behind !== null && (
        <>
          <dt>Behind</dt>
          <dd className={details.id}>{delivery.behind}</dd>
        </>
      )}
    </dl>
  )
}
