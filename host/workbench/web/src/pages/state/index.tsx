import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'

import { useMayChange } from '../../api/change.ts'
import { Button, classes, EmptyState, IconButton, Page, Switch } from '../../ui/index.ts'
import details from '../details.module.css'
import { Entries } from './Entries.tsx'
import { EntryPanel } from './EntryPanel.tsx'
import { Groups } from './Groups.tsx'
import { NewEntry } from './NewEntry.tsx'
import styles from './state.module.css'

const route = getRouteApi('/state')

export default function StatePage() {
  const { group, key, watch = false } = route.useSearch()
  const navigate = route.useNavigate()
  const client = useQueryClient()
  const [creates, setCreates] = useState(false)
  const mayChange = useMayChange()

  return (
    <Page
      title="State"
      fill
      actions={
        <>
          <Switch
            label="Watch"
            checked={watch}
            onChange={(on) => navigate({ search: (before) => ({ ...before, watch: on || undefined }), replace: true })}
          />
          <IconButton label="Look again" icon="refresh" onClick={() => void client.invalidateQueries({ queryKey: ['state'] })} />
          {mayChange && (
            <Button icon="plus" onClick={() => setCreates(true)}>
              New entry
            </Button>
          )}
        </>
      }
    >
      <div className={details.split}>
        <div className={classes(styles.groups, group !== undefined && styles.passed)}>
          <Groups />
        </div>
        {group === undefined ? (
          <div className={styles.choose}>
            <EmptyState icon="state" title="Choose a group" hint="Its keys and values are shown here." />
          </div>
        ) : (
          <Entries key={group} group={group} />
        )}
        {group !== undefined && key !== undefined && <EntryPanel key={JSON.stringify([group, key])} group={group} entryKey={key} />}
      </div>
      {creates && (
        <NewEntry
          group={group}
          onClose={() => setCreates(false)}
          onCreated={(entry) => navigate({ search: { ...entry, watch: watch || undefined } })}
        />
      )}
    </Page>
  )
}
