-- What agents are told to do, and how far they are.

CREATE TYPE task_type AS ENUM ('spec', 'test', 'impl', 'review', 'heal');
CREATE TYPE task_status AS ENUM ('pending', 'running', 'completed', 'failed', 'needs_decision');

CREATE TABLE agent_tasks (
  id varchar(50) COLLATE "C" PRIMARY KEY,
  direction text COLLATE "C" NOT NULL
    CONSTRAINT agent_tasks_direction_not_blank CHECK (btrim(direction, E' \t\r\n') <> ''),
  task_type task_type NOT NULL,
  status task_status NOT NULL DEFAULT 'pending',
  model varchar(100) COLLATE "C" NOT NULL,
  command text COLLATE "C" NOT NULL,
  output text COLLATE "C",
  context jsonb NOT NULL DEFAULT '{}',
  progress_pct integer
    CONSTRAINT agent_tasks_progress_pct_range CHECK (progress_pct BETWEEN 0 AND 100),
  current_step text COLLATE "C",
  decision_prompt text COLLATE "C",
  decision text COLLATE "C",
  tier varchar(50) COLLATE "C",
  started_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- The index of status and type serves look-ups by status alone, too.
CREATE INDEX agent_tasks_status_task_type_idx ON agent_tasks (status, task_type);
CREATE INDEX agent_tasks_task_type_idx ON agent_tasks (task_type);
CREATE INDEX agent_tasks_created_at_idx ON agent_tasks (created_at DESC);
CREATE INDEX agent_tasks_updated_at_idx ON agent_tasks (updated_at DESC);

-- What waits for a person.
CREATE INDEX agent_tasks_attention_idx ON agent_tasks (status, created_at DESC)
  WHERE status IN ('needs_decision', 'failed');

-- What a worker claims next: the oldest, however many are done.
CREATE INDEX agent_tasks_pending_idx ON agent_tasks (created_at, id) WHERE status = 'pending';
