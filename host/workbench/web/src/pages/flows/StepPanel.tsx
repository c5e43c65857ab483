import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import { queries } from '../../api/queries.ts'
import type { Json, JsonSchema, StepDetail } from '../../api/types.ts'
import { CodeView, CopyButton, Duration, EmptyState, ErrorState, formatBytes, formatCount, formatDuration, formatNumber, KindBadge, Loading, SidePanel, Tabs, Time } from '../../ui/index.ts'
import styles from './flows.module.css'
import { RecentRuns } from './RecentRuns.tsx'
import type { PanelTab } from './search.ts'
import { LanguageBadge } from './StepNode.tsx'

const TABS: { value: PanelTab; label: string }[] = [
  { value: 'source', label: 'Source' },
  { value: 'config', label: 'Config' },
  { value: 'schema', label: 'Schema' },
  { value: 'grants', label: 'Grants' },
  { value: 'runs', label: 'Recent runs' },
]

/** What never runs has none of these. */
const RUN_TABS: PanelTab[] = ['schema', 'grants', 'runs']

/** All that is known of a step. */
export function StepPanel({ name, onClose }: { name: string; onClose: () => void }) {
  const search = useSearch({ from: '/flows' })
  const navigate = useNavigate({ from: '/flows' })
  const { data: step, error, refetch } = useQuery(queries.step(name))
  const tabs = step?.kind === 'noop' ? TABS.filter(({ value }) => !RUN_TABS.includes(value)) : TABS
  const tab = tabs.find(({ value }) => value === search.tab)?.value ?? 'source'
  const title = (
    <>
      {name}
      {step && <KindBadge kind={step.kind} />}
    </>
  )
  return (
    <SidePanel onClose={onClose} open title={title} width={560}>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {!step && !error && <Loading />}
      {step && (
        <>
          <Summary step={step} />
          <div className={styles.tabs}>
            <Tabs
              items={tabs}
              label={`About ${name}`}
              onChange={(chosen) => void navigate({ search: (old) => ({ ...old, tab: chosen as PanelTab }), replace: true })}
              value={tab}
            />
          </div>
          <div className={styles.tabBody}>
            {tab === 'source' && <Source step={step} />}
            {tab === 'config' && <CodeView code={written(step.config)} label="Config" language="json" plain />}
            {tab === 'schema' && <Schemas step={step} />}
            {tab === 'grants' && <Grants step={step} />}
            {tab === 'runs' && <RecentRuns step={step} />}
          </div>
        </>
      )}
    </SidePanel>
  )
}

function Summary({ step }: { step: StepDetail }) {
  const { data: figures } = useQuery({ ...queries.figures(), select: (all) => all.steps[step.name] })
  const hasQueue = figures?.queue != null
  return (
    <div className={styles.summary}>
      {step.description && <p>{step.description}</p>}
      <p className={styles.file}>
        <LanguageBadge language={step.language} />
        <code>{step.file}</code>
        <CopyButton label="Copy the path" text={step.file} />
      </p>
      {figures && step.kind !== 'noop' && (
        <dl className={styles.numbers}>
          <Fact label="Succeeded">{formatCount(figures.succeeded)}</Fact>
          <Fact label="Failed">{formatCount(figures.failed)}</Fact>
          <Fact label="p50">
            <Duration ms={figures.p50Ms} />
          </Fact>
          <Fact label="p99">
            <Duration ms={figures.p99Ms} />
          </Fact>
          <Fact label="Last run">
            <Time at={figures.lastRunAt} />
          </Fact>
        </dl>
      )}
      <nav aria-label={`Pages about ${step.name}`} className={styles.links}>
        {step.kind === 'api' && (
          <Link search={{ step: step.name }} to="/endpoints">
            Try it
          </Link>
        )}
        {step.kind !== 'noop' && (
          <>
            <Link search={{ step: step.name }} to="/runs">
              Runs
            </Link>
            <Link search={{ step: step.name }} to="/logs">
              Logs
            </Link>
          </>
        )}
        {hasQueue && (
          <Link search={{ step: step.name }} to="/queues">
            Queue
          </Link>
        )}
      </nav>
    </div>
  )
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Source({ step }: { step: StepDetail }) {
  if (step.source) return <CodeView code={step.source.text} label={`Source of ${step.name}`} language={step.language} plain />
  return (
    <EmptyState
      hint={
        <p>
          <code>motia serve</code> has the built bundle only; <code>motia dev</code> shows the sources.
        </p>
      }
      icon="code"
      title="No source here"
    />
  )
}

function Schemas({ step }: { step: StepDetail }) {
  const schemas: [string, JsonSchema][] = [
    ...(step.bodySchema ? [['Body', step.bodySchema] as [string, JsonSchema]] : []),
    ...(step.input ? [['Input', step.input] as [string, JsonSchema]] : []),
    ...Object.entries(step.responseSchema ?? {}).map(([status, schema]): [string, JsonSchema] => [`Response ${status}`, schema]),
  ]
  if (schemas.length === 0 && step.queryParams.length === 0) {
    const hint = step.kind === 'api' ? (
      <p>
        With a <code>bodySchema</code> in its config, bodies are checked before the step starts, and the endpoint gets a form.
      </p>
    ) : (
      <p>
        With an <code>input</code> schema in its config, events are checked before the step starts.
      </p>
    )
    return <EmptyState hint={hint} icon="code" title="The step has no schema" />
  }
  return (
    <div className={styles.sections}>
      {step.queryParams.length > 0 && (
        <section>
          <h3>Query parameters</h3>
          <dl className={styles.facts}>
            {step.queryParams.map(({ name, description }) => (
              <Fact key={name} label={name}>
                {description ?? ''}
              </Fact>
            ))}
          </dl>
        </section>
      )}
      {schemas.map(([title, schema]) => (
        <section key={title}>
          <h3>{title}</h3>
          <CodeView code={written(schema as Json)} label={`${title} schema`} language="json" />
        </section>
      ))}
    </div>
  )
}

function Grants({ step: { grants } }: { step: StepDetail }) {
  const http = grants.outgoingHttp === 'open' ? 'any public host' : grants.outgoingHttp.join(', ')
  return (
    <div className={styles.sections}>
      <section>
        <h3>What the step may use</h3>
        <dl className={styles.facts}>
          <Fact label="Environment">{grants.environment.join(', ') || 'no variable'}</Fact>
          <Fact label="Outgoing HTTP">{http || 'no host'}</Fact>
          <Fact label="Included files">{grants.includedFiles.join(', ') || 'none'}</Fact>
        </dl>
      </section>
      <section>
        <h3>Limits</h3>
        <dl className={styles.facts}>
          {Object.entries(grants.limits).map(([name, value]) => (
            <Fact key={name} label={name}>
              {limitWords(name, value)}
            </Fact>
          ))}
        </dl>
      </section>
    </div>
  )
}

/** The unit of a limit is the end of its name. */
function limitWords(name: string, value: Json | undefined): string {
  if (typeof value !== 'number') return typeof value === 'object' ? JSON.stringify(value) : String(value)
  if (name.endsWith('Bytes')) return formatBytes(value)
  return name.endsWith('Ms') ? formatDuration(value) : formatNumber(value)
}

function written(value: Json): string {
  return JSON.stringify(value, null, 2)
}
