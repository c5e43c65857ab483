import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, ApiError, path } from '../../api/client.ts'
import { Bytes, EmptyState, ErrorState, Loading, SidePanel, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import { entry } from './data.ts'
import { EDITS } from './Entries.tsx'
import { ValueEditor } from './ValueEditor.tsx'

const route = getRouteApi('/state')

export function EntryPanel({ group, entryKey: key }: { group: string; entryKey: string }) {
  const { watch = false } = route.useSearch()
  const navigate = route.useNavigate()
  const { data, error, refetch } = useQuery(entry(group, key, watch))
  const { change } = useChange('state', 'audit')
  const mayChange = useMayChange()
  const close = () => navigate({ search: (before) => ({ ...before, key: undefined }), replace: true })
  const at = `state/${path(group, key)}`
  const isGone = error instanceof ApiError && error.status === 404

  const remove = async () => {
    // Closed first, so that nobody asks for what is gone.
    const request = async () => {
      await api.delete(at)
      await close()
    }
    if (!(await change(request, `${key} is deleted.`))) throw new Error('not deleted')
  }

  return (
    <SidePanel open onClose={close} title={key} width={460}>
      {isGone && <EmptyState icon="state" title="There is no such entry any more" hint="It was deleted." />}
      {error && !isGone && !data && <ErrorState error={error} retry={refetch} />}
      {!data && !error && <Loading />}
      {data && !isGone && (
        <div className={details.panel}>
          <dl className={details.facts}>
            <dt>Group</dt>
            <dd>{data.groupId}</dd>
            <dt>Size</dt>
            <dd>
              <Bytes n={data.bytes} />
            </dd>
            <dt>Changed</dt>
            <dd>
              <Time at={data.updatedAt} />
            </dd>
          </dl>
          <ValueEditor
            name={`${key} of ${group}`}
            value={data.value}
            note={EDITS}
            mayChange={mayChange}
            save={(value) => change(() => api.put(at, { value }), `${key} is saved.`)}
            remove={remove}
          />
        </div>
      )}
    </SidePanel>
  )
}
