import { Page } from '../../ui/index.ts'

export default function LogsPage() {
  return <Page title="Logs">{null}</Page>
}
