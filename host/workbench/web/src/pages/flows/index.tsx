import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { ReactFlowProvider } from '@xyflow/react'
import { useMemo } from 'react'

import { queries } from '../../api/queries.ts'
import type { Step } from '../../api/types.ts'
import { EmptyState, ErrorState, IconButton, Loading, Page, Select, Tabs, useHotkey, useMedia } from '../../ui/index.ts'
import styles from './flows.module.css'
import { arranged, lanesOf, positionsOf } from './graph.ts'
import { Graph } from './Graph.tsx'
import type { Direction } from './layout.ts'
import { useMovedPositions } from './positions.ts'
import { StepPanel } from './StepPanel.tsx'

/** The graph of each flow, with what its steps do now. */
export default function FlowsPage() {
  const { flow: flowName, step: stepName } = useSearch({ from: '/flows' })
  const navigate = useNavigate({ from: '/flows' })
  const flows = useQuery(queries.flows())
  const steps = useQuery(queries.steps())
  const { data: project } = useQuery(queries.project())
  const byName = useMemo(() => new Map((steps.data ?? []).map((step): [string, Step] => [step.name, step])), [steps.data])

  const flow = flows.data?.find(({ name }) => name === flowName) ?? flows.data?.[0]
  const phone = useMedia('(max-width: 640px)')
  const arrangements = useMemo(() => flow && { right: arranged(flow, byName, 'right'), down: arranged(flow, byName, 'down') }, [flow, byName])
  const saved = useMemo(() => (flow && arrangements ? positionsOf(flow, arrangements[phone ? 'down' : 'right']) : {}), [flow, arrangements, phone])
  const { positions, move } = useMovedPositions(flow, saved)
  const lanes = useMemo(() => (flow && arrangements ? lanesOf(flow, positions, Object.values(arrangements)) : new Map()), [flow, positions, arrangements])
  const editable = project?.mode === 'dev' && project.role === 'admin'

  const arrange = (direction: Direction) => {
    if (arrangements && editable) move(arrangements[direction].positions)
  }
  const select = (step: string | undefined) => void navigate({ search: (old) => ({ ...old, step, tab: step ? old.tab : undefined }), replace: true })
  const show = (name: string) => void navigate({ search: { flow: name } })
  useHotkey('shift+l', () => arrange('right'), editable ? 'Lay out from left to right' : '')
  useHotkey('shift+d', () => arrange('down'), editable ? 'Lay out from top to bottom' : '')

  const actions = editable && flow && (
    <>
      <IconButton icon="arrowRight" label="Lay out from left to right" onClick={() => arrange('right')} />
      <IconButton icon="arrowDown" label="Lay out from top to bottom" onClick={() => arrange('down')} />
    </>
  )
  const error = flows.error ?? steps.error
  if (error) {
    const retry = () => void Promise.all([flows.refetch(), steps.refetch()])
    return (
      <Page title="Flows">
        <ErrorState error={error} retry={retry} />
      </Page>
    )
  }
  const isLoading = flows.isPending || steps.isPending
  return (
    <Page
      actions={actions}
      fill
      name={flow ? `${flow.name} - Flows` : 'Flows'}
      title={flow && flows.data ? <FlowChoice chosen={flow.name} flows={flows.data.map(({ name }) => name)} onChange={show} /> : 'Flows'}
    >
      <div className={styles.split}>
        <div className={styles.canvas}>
          {isLoading && <Loading />}
          {!isLoading && !flow && <NoFlows hasSteps={byName.size > 0} />}
          {!isLoading && flow && (
            <ReactFlowProvider key={flow.name}>
              <Graph editable={editable} flow={flow} lanes={lanes} onMove={move} onSelect={select} positions={positions} selected={stepName} steps={byName} />
            </ReactFlowProvider>
          )}
        </div>
        {stepName && <StepPanel key={stepName} name={stepName} onClose={() => select(undefined)} />}
      </div>
    </Page>
  )
}

/** So many flows fit beside each other. */
const MOST_TABS = 6

function FlowChoice({ flows, chosen, onChange }: { flows: string[]; chosen: string; onChange: (flow: string) => void }) {
  const narrow = useMedia('(max-width: 900px)')
  const options = flows.map((name) => ({ value: name, label: name }))
  return (
    <span className={styles.choice}>
      Flows
      {flows.length > MOST_TABS || narrow ? (
        <Select label="Flow" onChange={onChange} options={options} value={chosen} />
      ) : (
        <Tabs items={options} label="Flow" onChange={onChange} value={chosen} />
      )}
    </span>
  )
}

function NoFlows({ hasSteps }: { hasSteps: boolean }) {
  const hint = hasSteps ? (
    <p>
      Steps that name the same flow are drawn together: add <code>flows: ['orders']</code> to the config of a step.
    </p>
  ) : (
    <p>
      The project has no steps yet. <code>motia generate step</code> writes one.
    </p>
  )
  return <EmptyState hint={hint} icon="flows" title={hasSteps ? 'No step belongs to a flow' : 'Nothing to draw yet'} />
}
