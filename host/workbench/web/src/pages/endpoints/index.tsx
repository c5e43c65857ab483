import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'

import { queries } from '../../api/queries.ts'
import { EmptyState, ErrorState, Loading, Page, useMedia } from '../../ui/index.ts'
import { Endpoint } from './Endpoint.tsx'
import { EndpointList } from './EndpointList.tsx'
import styles from './endpoints.module.css'
import { keptOf } from './storage.ts'

/** Every api step, to be tried out. */
export default function EndpointsPage() {
  const { step, search = '' } = useSearch({ from: '/endpoints' })
  const navigate = useNavigate({ from: '/endpoints' })
  const narrow = useMedia('(max-width: 900px)')
  const project = useQuery(queries.project())
  const steps = useQuery(queries.steps())
  const error = project.error ?? steps.error
  if (error) {
    const retry = () => void Promise.all([project.refetch(), steps.refetch()])
    return (
      <Page title="Endpoints">
        <ErrorState error={error} retry={retry} />
      </Page>
    )
  }
  if (!project.data || !steps.data) {
    return (
      <Page title="Endpoints">
        <Loading />
      </Page>
    )
  }
  const endpoints = steps.data.filter(({ kind }) => kind === 'api')
  if (endpoints.length === 0) {
    return (
      <Page title="Endpoints">
        <EmptyState
          hint={
            <>
              <code>motia generate step --type api</code> writes a step that answers HTTP requests.
            </>
          }
          icon="endpoints"
          title="The project has no endpoints yet"
        />
      </Page>
    )
  }
  // On a narrow screen, the list is a page of its own.
  const last = endpoints.find(({ name }) => name === keptOf(project.data.name).step) ?? endpoints[0]
  const chosen = step ?? (narrow ? undefined : last?.name)
  const back = () => void navigate({ search: { search: search || undefined } })
  return (
    <Page fill name={chosen ? `${chosen} - Endpoints` : 'Endpoints'} title="Endpoints">
      <div className={styles.split}>
        {(!narrow || !chosen) && (
          <EndpointList
            onSearch={(words) => void navigate({ search: (old) => ({ ...old, search: words || undefined }), replace: true })}
            search={search}
            selected={chosen}
            steps={endpoints}
          />
        )}
        {chosen && <Endpoint key={chosen} name={chosen} onBack={back} project={project.data.name} />}
      </div>
    </Page>
  )
}
