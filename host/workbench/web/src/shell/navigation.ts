import type { IconName } from '../ui/index.ts'

/** A page of the sidebar; `key` comes after `g`. */
export interface Destination {
  to: '/flows' | '/endpoints' | '/runs' | '/logs' | '/query' | '/queues' | '/dead-letters' | '/scheduled' | '/crons' | '/state' | '/streams' | '/audit'
  title: string
  icon: IconName
  key: string
}

export const groups: { title: string; pages: Destination[] }[] = [
  {
    title: 'Build',
    pages: [
      { to: '/flows', title: 'Flows', icon: 'flows', key: 'f' },
      { to: '/endpoints', title: 'Endpoints', icon: 'endpoints', key: 'e' },
    ],
  },
  {
    title: 'Observe',
    pages: [
      { to: '/runs', title: 'Runs', icon: 'runs', key: 'r' },
      { to: '/logs', title: 'Logs', icon: 'logs', key: 'l' },
      { to: '/query', title: 'Query', icon: 'table', key: 'y' },
    ],
  },
  {
    title: 'Work',
    pages: [
      { to: '/queues', title: 'Queues', icon: 'queue', key: 'q' },
      { to: '/dead-letters', title: 'Dead letters', icon: 'archive', key: 'd' },
      { to: '/scheduled', title: 'Scheduled', icon: 'calendar', key: 'h' },
      { to: '/crons', title: 'Crons', icon: 'clock', key: 'c' },
    ],
  },
  {
    title: 'Data',
    pages: [
      { to: '/state', title: 'State', icon: 'state', key: 's' },
      { to: '/streams', title: 'Streams', icon: 'stream', key: 't' },
      { to: '/audit', title: 'Audit', icon: 'shield', key: 'a' },
    ],
  },
]

export const destinations = groups.flatMap((group) => group.pages)
