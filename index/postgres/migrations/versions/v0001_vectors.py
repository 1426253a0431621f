"""The vectors of all spaces, a partition for each; what is shared of a space's folder; removal.

That a removed image has no vector is the database's own business: whoever changes the state of an
image in a space, the vectors that it had there go in the same transaction.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE embedding (
    space_id integer NOT NULL,
    image_id bigint NOT NULL,
    place smallint NOT NULL,
    stored vector NOT NULL,
    CONSTRAINT pk_embedding PRIMARY KEY (space_id, image_id, place)
) PARTITION BY LIST (space_id);

CREATE TABLE embedding_space (
    space_id integer NOT NULL CONSTRAINT pk_embedding_space PRIMARY KEY
        CONSTRAINT fk_embedding_space_space_id REFERENCES space (id) ON DELETE CASCADE,
    contract text NOT NULL,
    dimension integer NOT NULL,
    asked varchar(16) NOT NULL,
    accuracy double precision NOT NULL,
    kind varchar(16) NOT NULL DEFAULT 'exact',
    breadth integer NOT NULL DEFAULT 0,
    overlap double precision,
    probes integer NOT NULL DEFAULT 0,
    shape text NOT NULL DEFAULT 'rows',
    rows bigint NOT NULL DEFAULT 0,
    changes bigint NOT NULL DEFAULT 0,
    published bigint NOT NULL DEFAULT 0
);

CREATE TABLE space_file (
    space_id integer NOT NULL
        CONSTRAINT fk_space_file_space_id REFERENCES space (id) ON DELETE CASCADE,
    name varchar(64) NOT NULL,
    sha256 varchar(64) NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT pk_space_file PRIMARY KEY (space_id, name)
);

CREATE FUNCTION drop_vectors_of_placed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one integer;
BEGIN
    FOR one IN SELECT DISTINCT space_id FROM placed WHERE state <> 'indexed' LOOP
        DELETE FROM embedding WHERE space_id = one AND image_id = ANY (ARRAY(
            SELECT image_id FROM placed WHERE space_id = one AND state <> 'indexed'));
        UPDATE embedding_space SET changes = changes + 1 WHERE space_id = one;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION drop_vectors_of_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one integer;
BEGIN
    FOR one IN SELECT DISTINCT space_id FROM forgotten LOOP
        DELETE FROM embedding WHERE space_id = one AND image_id = ANY (ARRAY(
            SELECT image_id FROM forgotten WHERE space_id = one));
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER vectors_of_inserted AFTER INSERT ON placement
    REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION drop_vectors_of_placed();
CREATE TRIGGER vectors_of_updated AFTER UPDATE ON placement
    REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION drop_vectors_of_placed();
CREATE TRIGGER vectors_of_deleted AFTER DELETE ON placement
    REFERENCING OLD TABLE AS forgotten
    FOR EACH STATEMENT EXECUTE FUNCTION drop_vectors_of_forgotten();
"""


def upgrade() -> None:
    """Make them."""
    op.get_bind().exec_driver_sql(TABLES)
