DROP TABLE agent_tasks;
DROP TYPE task_status;
DROP TYPE task_type;
