-- Database roles and what they may do. See storage/roles.py and storage/create_roles.py.

-- name: known_roles
SELECT rolname::text, rolsuper FROM pg_roles WHERE rolname = ANY (%s);

-- name: current_role
SELECT rolname::text, rolsuper FROM pg_roles WHERE rolname = current_user;

-- name: own_tables
-- Sequences among them: a dump reads these, too.
SELECT relname::text FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
   AND pg_has_role(relowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')
 ORDER BY 1;

-- name: own_functions
SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND pg_has_role(proowner, 'USAGE');

-- name: use_schema
GRANT USAGE ON SCHEMA public TO {roles};

-- name: revoke_table
REVOKE ALL ON TABLE {tables} FROM {role};

-- name: grant_table
GRANT {privileges} ON TABLE {tables} TO {role};

-- name: revoke_function
REVOKE ALL ON FUNCTION {functions} FROM {role};

-- name: grant_function
GRANT EXECUTE ON FUNCTION {functions} TO {role};

-- name: read_tables_to_come
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role};

-- name: create_role
CREATE ROLE {role} LOGIN;

-- name: set_password
ALTER ROLE {role} WITH LOGIN PASSWORD {password};

-- name: join_role
GRANT {role} TO CURRENT_USER;

-- name: let_monitor
GRANT pg_monitor TO {role};

-- name: has_database
SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s);

-- name: create_database
CREATE DATABASE {database} OWNER {owner};

-- name: give_database
ALTER DATABASE {database} OWNER TO {owner};

-- name: close_database
-- A writer stages what it stores in temporary tables.
ALTER SCHEMA public OWNER TO {owner};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {roles};
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {roles};
GRANT TEMPORARY ON DATABASE {database} TO {writer};
