import { Page } from '../../ui/index.ts'

export default function RunPage() {
  return <Page title="Run">{null}</Page>
}
