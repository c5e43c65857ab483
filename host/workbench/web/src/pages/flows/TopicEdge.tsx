import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getBezierPath, Position } from '@xyflow/react'

import { classes } from '../../ui/index.ts'
import styles from './flows.module.css'
import { pathThrough, type TopicEdgeType } from './graph.ts'

/** An edge with its label, or with its topics where nobody gave it one. */
export function TopicEdge({ data, markerEnd, ...ends }: EdgeProps<TopicEdgeType>) {
  const [path, x, y] = data?.lane.length
    ? pathThrough({ x: ends.sourceX, y: ends.sourceY }, data.lane, { x: ends.targetX, y: ends.targetY }, ends.sourcePosition === Position.Bottom)
    : getBezierPath(ends)
  const names = classes(styles.edge, data?.virtual && styles.virtual, data?.conditional && styles.conditional)
  return (
    <>
      <BaseEdge className={names} markerEnd={markerEnd} path={path} />
      {data && (
        <EdgeLabelRenderer>
          <span
            className={classes(styles.edgeLabel, !data.isLabel && styles.topicLabel, data.conditional && styles.conditionalLabel)}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
            title={data.topics.join(', ')}
          >
            {data.label}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  )
}
