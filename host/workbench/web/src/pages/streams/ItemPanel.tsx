import { getRouteApi } from '@tanstack/react-router'

import { useChange, useMayChange } from '../../api/change.ts'
import { api, path } from '../../api/client.ts'
import type { JsonSchema } from '../../api/types.ts'
import { EmptyState, Loading, SidePanel, Time } from '../../ui/index.ts'
import details from '../details.module.css'
import { ValueEditor } from '../state/ValueEditor.tsx'
import type { LiveItem } from './frames.ts'

const route = getRouteApi('/streams')

interface Props {
  stream: string
  group: string
  id: string
  /** Missing while nothing is known, and when it is gone. */
  item: LiveItem | undefined
  isLoaded: boolean
  schema: JsonSchema | null | undefined
}

export function ItemPanel({ stream, group, id, item, isLoaded, schema }: Props) {
  const navigate = route.useNavigate()
  const { change } = useChange('audit')
  const mayChange = useMayChange()
  const close = () => navigate({ search: (before) => ({ ...before, id: undefined }), replace: true })
  const at = `streams/${path(stream, group, id)}`
  const remove = async () => {
    if (!(await change(() => api.delete(at), `${id} is deleted.`))) throw new Error('not deleted')
    await close()
  }
  return (
    <SidePanel open onClose={close} title={id} width={420}>
      {!item && (isLoaded ? <EmptyState icon="stream" title="There is no such item any more" hint="It was deleted." /> : <Loading />)}
      {item && (
        <div className={details.panel}>
          <dl className={details.facts}>
            <dt>Group</dt>
            <dd>{group}</dd>
            <dt>Offset</dt>
            <dd>{item.offset?.toLocaleString('en') ?? '–'}</dd>
            <dt>Changed</dt>
            <dd>
              <Time at={item.updatedAt} />
            </dd>
          </dl>
          <ValueEditor
            name={`${id} of ${group}`}
            value={item.data}
            schema={schema}
            note={EDITS}
            mayChange={mayChange}
            save={(data) => change(() => api.put(at, { data }), `${id} is saved.`)}
            remove={remove}
          />
        </div>
      )}
    </SidePanel>
  )
}

/** What people must know of edits. */
export const EDITS = 'Whoever follows the group sees an edit at once. It triggers stream steps like any other write, and is written to the audit.'
