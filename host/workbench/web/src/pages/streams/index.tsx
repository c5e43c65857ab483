import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'

import { classes, EmptyState, ErrorState, Page } from '../../ui/index.ts'
import details from '../details.module.css'
import { streams } from './data.ts'
import { Group } from './Group.tsx'
import { Groups } from './Groups.tsx'
import { StreamList } from './StreamList.tsx'
import styles from './streams.module.css'

const route = getRouteApi('/streams')

export default function StreamsPage() {
  const { stream, group, id } = route.useSearch()
  const { data, error, refetch } = useQuery(streams())
  const info = data?.find(({ name }) => name === stream)
  if (error && !data)
    return (
      <Page title="Streams">
        <ErrorState error={error} retry={refetch} />
      </Page>
    )
  if (data?.length === 0) {
    return (
      <Page title="Streams">
        <EmptyState
          icon="stream"
          title="The project has no streams"
          hint="A file `*.stream.ts` or `*_stream.py` with a name and a schema makes one. Clients follow its items as they change."
        />
      </Page>
    )
  }
  return (
    <Page title="Streams" fill>
      <div className={details.split}>
        <div className={classes(styles.streams, stream !== undefined && styles.passed, id !== undefined && styles.squeezed)}>
          <StreamList streams={data} selected={stream} />
        </div>
        {stream !== undefined && (
          <div className={classes(styles.groups, group !== undefined && styles.passed, id !== undefined && styles.squeezed)}>
            <Groups key={stream} stream={stream} />
          </div>
        )}
        {stream === undefined && (
          <div className={styles.choose}>
            <EmptyState icon="stream" title="Choose a stream" hint="Its groups, and the items in them, are shown here." />
          </div>
        )}
        {stream !== undefined && group === undefined && (
          <div className={styles.choose}>
            <EmptyState icon="stream" title="Choose a group" hint="Its items are shown live." />
          </div>
        )}
        {stream !== undefined && group !== undefined && <Group key={JSON.stringify([stream, group])} stream={stream} group={group} info={info} />}
      </div>
    </Page>
  )
}
