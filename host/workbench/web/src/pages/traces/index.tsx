import { Page } from '../../ui/index.ts'

export default function TracePage() {
  return <Page title="Trace">{null}</Page>
}
