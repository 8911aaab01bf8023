DROP TABLE events;
DROP TYPE event_kind;
