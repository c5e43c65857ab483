import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { type LiveState, useLiveState } from '../api/live.ts'
import { queries } from '../api/queries.ts'
import { setToken, token } from '../api/token.ts'
import type { Build } from '../api/types.ts'
import { Badge, formatDuration, Icon, IconButton, Kbd, StatusBadge, Tooltip, useHotkey, useTheme } from '../ui/index.ts'
import styles from './Header.module.css'

interface HeaderProps {
  onMenu: () => void
  onPalette: () => void
  onSheet: () => void
}

export function Header({ onMenu, onPalette, onSheet }: HeaderProps) {
  const { data: project } = useQuery(queries.project())
  return (
    <header className={styles.header}>
      <span className={styles.menu}>
        <IconButton icon="menu" label="Pages" onClick={onMenu} />
      </span>
      <Link className={styles.brand} to="/flows">
        <Mark />
        <span>{project?.name ?? 'Workbench'}</span>
      </Link>
      {project && (
        <span className={styles.mode}>
          <Badge>{project.mode}</Badge>
        </span>
      )}
      {project && (
        <span className={styles.build}>
          {project.build ? <BuildState build={project.build} /> : <Deployment digest={project.deployment} />}
        </span>
      )}
      <button aria-keyshortcuts="Control+K Meta+K" className={styles.search} onClick={onPalette} type="button">
        <Icon name="search" size={14} />
        <span>Search or jump to…</span>
        <Kbd keys="mod+k" />
      </button>
      <div className={styles.end}>
        <Connection />
        {project?.role === 'viewer' && (
          <Tooltip text="This token may look at everything and change nothing">
            <Badge tone="info">viewer</Badge>
          </Tooltip>
        )}
        <span className={styles.help}>
          <IconButton icon="help" label="Keyboard shortcuts (?)" onClick={onSheet} />
        </span>
        <ThemeButton />
        {token() && <IconButton icon="lock" label="Forget the token" onClick={forgetToken} />}
      </div>
    </header>
  )
}

function forgetToken(): void {
  setToken(null)
  location.reload()
}

function Mark() {
  return (
    <svg aria-hidden="true" className={styles.mark} viewBox="0 0 32 32">
      <rect fill="var(--accent)" height="32" rx="8" width="32" />
      <path d="M8 22V10l8 8 8-8v12" fill="none" stroke="#fff" strokeLinecap="round" strokeLinejoin="round" strokeWidth="3" />
    </svg>
  )
}

function BuildState({ build }: { build: Build }) {
  const words = {
    building: 'building',
    good: build.ms === null ? 'built' : `built in ${formatDuration(build.ms)}`,
    broken: `${build.errors.length} build ${build.errors.length === 1 ? 'error' : 'errors'}`,
  }
  return (
    <span aria-live="polite">
      <StatusBadge label={words[build.state]} status={build.state} />
    </span>
  )
}

function Deployment({ digest }: { digest: string }) {
  return (
    <Tooltip text={`Deployment ${digest}`}>
      <code>{digest.slice(0, 8)}</code>
    </Tooltip>
  )
}

const CONNECTION: Record<LiveState, { status: string; words: string; meaning: string }> = {
  live: { status: 'live', words: 'Live', meaning: 'What happens is shown at once' },
  connecting: { status: 'building', words: 'Connecting', meaning: 'Connecting to the host' },
  lost: { status: 'lost', words: 'Reconnecting', meaning: 'The host does not answer; the Workbench tries again by itself' },
  idle: { status: 'idle', words: 'Paused', meaning: 'Nothing is followed while the tab is hidden' },
}

function Connection() {
  const state = useLiveState()
  const { status, words, meaning } = CONNECTION[state]
  return (
    <span className={styles.live} data-state={state} role="status">
      <Tooltip text={meaning}>
        <StatusBadge label={words} status={status} />
      </Tooltip>
    </span>
  )
}

function ThemeButton() {
  const { dark, setTheme } = useTheme()
  const toggle = () => setTheme(dark ? 'light' : 'dark')
  useHotkey('shift+t', toggle, dark ? 'Light colours' : 'Dark colours')
  useHotkey('', () => setTheme('system'), 'Colours of the system')
  return <IconButton icon={dark ? 'sun' : 'moon'} label={dark ? 'Light colours' : 'Dark colours'} onClick={toggle} />
}
