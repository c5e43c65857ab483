import type { NoopConfig } from 'motia'

export const config: NoopConfig = {
  type: 'noop',
  name: 'ReadReport',
  description: 'Somebody reads the report in the page',
  virtualSubscribes: ['report.ready'],
  virtualEmits: [],
  flows: ['research'],
}
