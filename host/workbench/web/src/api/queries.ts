import { QueryClient, queryOptions } from '@tanstack/react-query'

import { api, ApiError, path } from './client.ts'
import type { Figures, Flow, List, Plugin, Project, Step, StepDetail } from './types.ts'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the host has answered does not get better by asking again.
      retry: (failures, error) => error instanceof ApiError && error.status === 0 && failures < 2,
    },
  },
})

/** What several pages ask for; what only one page asks for is beside that page. */
export const queries = {
  project: () => queryOptions({ queryKey: ['project'], queryFn: ({ signal }) => api.get<Project>('project', {}, signal) }),
  steps: () =>
    queryOptions({
      queryKey: ['steps'],
      queryFn: async ({ signal }) => (await api.get<List<Step>>('steps', {}, signal)).items,
      staleTime: 60_000,
    }),
  step: (name: string) =>
    queryOptions({
      queryKey: ['steps', name],
      queryFn: ({ signal }) => api.get<StepDetail>(`steps/${path(name)}`, {}, signal),
      staleTime: 60_000,
    }),
  flows: () =>
    queryOptions({
      queryKey: ['flows'],
      queryFn: async ({ signal }) => (await api.get<List<Flow>>('flows', {}, signal)).items,
      staleTime: 60_000,
    }),
  figures: () => queryOptions({ queryKey: ['figures'], queryFn: ({ signal }) => api.get<Figures>('figures', {}, signal) }),
  plugins: () =>
    queryOptions({
      queryKey: ['plugins'],
      queryFn: async ({ signal }) => (await api.get<List<Plugin>>('plugins', {}, signal)).items,
      staleTime: 60_000,
    }),
}
