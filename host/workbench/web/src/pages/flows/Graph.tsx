import '@xyflow/react/dist/style.css'

import { Background, BackgroundVariant, Controls, MarkerType, type NodeChange, ReactFlow, useReactFlow, useStore } from '@xyflow/react'
import { useEffect, useEffectEvent, useMemo } from 'react'

import type { Flow, Position, Step } from '../../api/types.ts'
import { useMedia, useTheme } from '../../ui/index.ts'
import styles from './flows.module.css'
import { edgesOf, nodeOf, nodeSize, type StepNodeType } from './graph.ts'
import type { Point } from './layout.ts'
import { StepNode } from './StepNode.tsx'
import { TopicEdge } from './TopicEdge.tsx'

const nodeTypes = { step: StepNode }
const edgeTypes = { topic: TopicEdge }
const FIT = { padding: 0.08, minZoom: 0.35, maxZoom: 1 }
/** From this zoom on, a node can be read. */
const READABLE = 0.55
/** The graph has its size, and was fitted into it. */
const SETTLE_MS = 60

export interface GraphProps {
  flow: Flow
  steps: ReadonlyMap<string, Step>
  positions: Record<string, Position>
  lanes: ReadonlyMap<string, Point[]>
  selected: string | undefined
  editable: boolean
  onSelect: (step: string | undefined) => void
  onMove: (moved: Record<string, Position>) => void
}

/** The steps of a flow and what leads from one to another. What is selected and where things are, the page knows. */
export function Graph({ flow, steps, positions, lanes, selected, editable, onSelect, onMove }: GraphProps) {
  const { dark } = useTheme()
  const { getViewport, setCenter } = useReactFlow()
  const phone = useMedia('(max-width: 640px)')
  const nodes = useMemo(() => {
    const sources = new Set(flow.edges.map((edge) => edge.source))
    const targets = new Set(flow.edges.map((edge) => edge.target))
    return flow.steps.flatMap((name) => {
      const [step, position] = [steps.get(name), positions[name]]
      const options = { selected: name === selected, editable, hasSource: sources.has(name), hasTarget: targets.has(name) }
      return step && position ? [nodeOf(step, position, options)] : []
    })
  }, [flow, steps, positions, selected, editable])
  const edges = useMemo(() => edgesOf(flow.edges, lanes), [flow.edges, lanes])

  // The panel takes width away: what it is about must stay in sight.
  const width = useStore((store) => store.width)
  const showSelected = useEffectEvent(() => {
    const node = nodes.find(({ id }) => id === selected)
    if (!node || width === 0) return
    const { x, y, zoom } = getViewport()
    const { width: size, height } = nodeSize(node.data.step)
    const [left, top] = [node.position.x * zoom + x, node.position.y * zoom + y]
    const isInSight = left >= 0 && left + size * zoom <= width && top >= 0 && zoom > READABLE
    if (!isInSight) void setCenter(node.position.x + size / 2, node.position.y + height / 2, { zoom: Math.max(zoom, READABLE), duration: 200 })
  })
  useEffect(() => {
    const timer = setTimeout(showSelected, SETTLE_MS)
    return () => clearTimeout(timer)
  }, [selected, width])

  const onNodesChange = (changes: NodeChange<StepNodeType>[]) => {
    const moved: Record<string, Position> = {}
    for (const change of changes) {
      if (change.type === 'position' && change.position) {
        const { x, y } = change.position
        moved[change.id] = { ...positions[change.id], x: Math.round(x), y: Math.round(y) }
      } else if (change.type === 'select' && change.selected) {
        onSelect(change.id)
      }
    }
    if (Object.keys(moved).length > 0) onMove(moved)
  }
  return (
    <ReactFlow
      aria-label={`Flow ${flow.name}`}
      colorMode={dark ? 'dark' : 'light'}
      className={styles.graph}
      defaultEdgeOptions={{ markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: 'var(--edge)' } }}
      deleteKeyCode={null}
      edges={edges}
      edgeTypes={edgeTypes}
      edgesFocusable={false}
      elevateEdgesOnSelect={false}
      fitView
      fitViewOptions={FIT}
      maxZoom={1.6}
      minZoom={0.15}
      multiSelectionKeyCode={null}
      nodeDragThreshold={3}
      nodes={nodes}
      nodesConnectable={false}
      nodesDraggable={editable}
      nodeTypes={nodeTypes}
      onNodesChange={onNodesChange}
      onPaneClick={() => onSelect(undefined)}
      onlyRenderVisibleElements={nodes.length > 150}
      panOnScroll
      selectNodesOnDrag={false}
      selectionKeyCode={null}
      zoomOnDoubleClick={false}
    >
      <Background gap={20} size={1.2} variant={BackgroundVariant.Dots} />
      {!phone && <Controls fitViewOptions={FIT} showInteractive={false} />}
    </ReactFlow>
  )
}
