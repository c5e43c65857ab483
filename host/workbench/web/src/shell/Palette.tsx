import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react'

import { queries } from '../api/queries.ts'
import { useHotkeys } from '../ui/hotkeys.ts'
import { Icon, type IconName, Kbd, kindIcon } from '../ui/index.ts'
import { destinations } from './navigation.ts'
import { type Entry, idsOf, search } from './palette-search.ts'
import styles from './Palette.module.css'

interface Command extends Entry {
  icon: IconName
  keys?: string
  run: () => void
}

/** Everything that can be reached by typing: pages, actions, flows, steps, endpoints, queues, and ids of runs and traces. */
export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  return open ? <OpenPalette onClose={onClose} /> : null
}

function OpenPalette({ onClose }: { onClose: () => void }) {
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  const [query, setQuery] = useState('')
  const [active, setActive] = useState(0)
  const commands = useCommands(query)
  const found = useMemo(() => search(commands, query), [commands, query])

  useEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  const run = (command: Command | undefined) => {
    if (!command) return
    onClose()
    // What it opens may take the focus only after the dialog has given it back.
    setTimeout(command.run)
  }
  const moveTo = (index: number) => {
    const target = (index + found.length) % Math.max(found.length, 1)
    setActive(target)
    document.getElementById(`${id}-${target}`)?.scrollIntoView({ block: 'nearest' })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') moveTo(active + 1)
    else if (event.key === 'ArrowUp') moveTo(active - 1)
    else if (event.key === 'Enter') run(found[active])
    else return
    event.preventDefault()
  }
  return (
    <dialog
      aria-label="Search and commands"
      className={styles.dialog}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onPointerDown={(event) => event.target === dialog.current && onClose()}
      ref={dialog}
    >
      <div className={styles.field}>
        <Icon name="search" />
        <input
          aria-activedescendant={found.length > 0 ? `${id}-${active}` : undefined}
          aria-controls={`${id}-list`}
          aria-expanded="true"
          aria-label="Search for pages, steps, flows, endpoints, ids and actions"
          autoComplete="off"
          autoFocus
          onChange={(event) => {
            setQuery(event.target.value)
            setActive(0)
          }}
          onKeyDown={onKeyDown}
          placeholder="A page, step, endpoint, run or trace id…"
          role="combobox"
          spellCheck={false}
          value={query}
        />
        <Kbd keys="escape" />
      </div>
      <div aria-label="Found" className={styles.list} id={`${id}-list`} role="listbox">
        {found.map((command, index) => (
          <div key={command.id} role="presentation">
            {command.group !== found[index - 1]?.group && (
              <div aria-hidden="true" className={styles.group}>
                {command.group}
              </div>
            )}
            <div
              aria-selected={index === active}
              className={styles.entry}
              id={`${id}-${index}`}
              onClick={() => run(command)}
              onPointerMove={() => setActive(index)}
              role="option"
            >
              <Icon name={command.icon} />
              <span className={styles.title}>{command.title}</span>
              {command.hint && <span className={styles.hint}>{command.hint}</span>}
              {command.keys && <Kbd keys={command.keys} />}
            </div>
          </div>
        ))}
        {found.length === 0 && <p className={styles.none}>Nothing has these words.</p>}
      </div>
    </dialog>
  )
}

function useCommands(query: string): Command[] {
  const navigate = useNavigate()
  const hotkeys = useHotkeys()
  const { data: steps = [] } = useQuery(queries.steps())
  const { data: flows = [] } = useQuery(queries.flows())
  const { data: plugins = [] } = useQuery(queries.plugins())
  return useMemo(() => {
    const { run, trace } = idsOf(query)
    const jumps: Command[] = []
    if (run) jumps.push({ id: 'run', title: `Run ${run}`, group: 'Jump to', icon: 'runs', words: query, run: () => void navigate({ to: '/runs/$run', params: { run } }) })
    if (trace) jumps.push({ id: 'trace', title: `Trace ${trace}`, group: 'Jump to', icon: 'layers', words: query, run: () => void navigate({ to: '/traces/$trace', params: { trace } }) })
    const pages = destinations.map(({ to, title, icon, key }): Command => ({ id: to, title, group: 'Pages', icon, keys: `g ${key}`, run: () => void navigate({ to }) }))
    const pluginPages = plugins.map(({ name, title }): Command => ({ id: `plugin ${name}`, title, group: 'Pages', icon: 'plug', run: () => void navigate({ to: '/plugins/$plugin', params: { plugin: name } }) }))
    const actions = hotkeys
      .filter(({ description, keys }) => description !== '' && !keys.startsWith('g ') && keys !== 'mod+k')
      .map((hotkey): Command => ({ id: `action ${hotkey.description}`, title: hotkey.description, group: 'Actions', icon: 'command', keys: hotkey.keys || undefined, run: hotkey.run }))
    const flowEntries = flows.map(({ name, steps: members }): Command => ({ id: `flow ${name}`, title: name, group: 'Flows', icon: 'flows', hint: `${members.length} steps`, run: () => void navigate({ to: '/flows', search: { flow: name } }) }))
    const endpoints = steps
      .filter((step) => step.kind === 'api')
      .map((step): Command => ({ id: `endpoint ${step.name}`, title: `${step.method} ${step.path}`, group: 'Endpoints', icon: 'endpoints', hint: step.name, run: () => void navigate({ to: '/endpoints', search: { step: step.name } }) }))
    const stepEntries = steps.map((step): Command => ({ id: `step ${step.name}`, title: step.name, group: 'Steps', icon: kindIcon(step.kind), hint: step.file, words: step.kind, run: () => void navigate({ to: '/flows', search: { flow: step.flows[0], step: step.name } }) }))
    const queueEntries = steps
      .filter(({ kind }) => kind !== 'api' && kind !== 'noop')
      .map(({ name }): Command => ({ id: `queue ${name}`, title: name, group: 'Queues', icon: 'queue', run: () => void navigate({ to: '/queues', search: { step: name } }) }))
    return [...jumps, ...pages, ...pluginPages, ...actions, ...flowEntries, ...endpoints, ...stepEntries, ...queueEntries]
  }, [query, navigate, hotkeys, steps, flows, plugins])
}
