"""What each alert fires on, and what it must not fire on."""

from chart.alert_series import (
    BOILER,
    LEADS,
    PLANT,
    POD,
    STANDS_BY,
    VOLUME,
    Case,
    answered,
    balanced,
    build,
    ingestion,
    loop_lag,
    lost,
    one,
    requests,
    telemetry,
    volume,
)

SOURCES = [
    Case(
        "SensSourceNotConnected",
        "the owner has no connection, a standby has none either",
        ingestion("owned", "1x20")
        | ingestion("connected", "0x20")
        | ingestion("owned", "0x20", "b")
        | ingestion("connected", "0x20", "b"),
        10,
        BOILER,
    ),
    Case(
        "SensSourceNotConnected",
        "one of two members of a shared source has no connection",
        ingestion("connected", "1x20") | ingestion("connected", "0x20", "b"),
        10,
        BOILER,
    ),
    Case(
        "SensSourceNotConnected",
        "the owner is connected, the standby is not",
        ingestion("owned", "1x20")
        | ingestion("connected", "1x20")
        | ingestion("owned", "0x20", "b")
        | ingestion("connected", "0x20", "b"),
        10,
    ),
    Case(
        "SensSourceNotConnected",
        "it has just started",
        ingestion("owned", "0 1x20") | ingestion("connected", "0 0 0 1x20"),
        10,
    ),
    Case(
        "SensSourceOwnedByNobody",
        "all stand by",
        ingestion("owned", "0x20") | ingestion("owned", "0x20", "b"),
        10,
        BOILER,
    ),
    Case("SensSourceOwnedByNobody", "one owns it", ingestion("owned", "0x20") | ingestion("owned", "1x20", "b"), 10),
    Case(
        "SensSourceSilent",
        "it sent an hour and a day ago",
        ingestion("messages_received_total", "0+5x1430 7150x200") | ingestion("connected", "1x2000"),
        1540,
        BOILER,
    ),
    Case(
        "SensSourceSilent",
        "it sends in the morning only, as it did yesterday",
        ingestion("messages_received_total", "0+5x300 1500x1500") | ingestion("connected", "1x2000"),
        1800,
    ),
    Case(
        "SensSourceSilent",
        "another replica has taken it over",
        ingestion("messages_received_total", "0+5x1430")
        | ingestion("messages_received_total", "_x1430 0+5x300", "b")
        | ingestion("connected", "1x2000", "b"),
        1540,
    ),
    Case(
        "SensSourceSilent",
        "it is not connected: that is another alert",
        ingestion("messages_received_total", "0+5x1430 7150x200") | ingestion("connected", "1x1430 0x200"),
        1540,
    ),
    Case("SensSourceReconnecting", "each minute", ingestion("reconnects_total", "0+1x60"), 55, BOILER),
    Case("SensSourceReconnecting", "once in a while", ingestion("reconnects_total", "0x20 1x10 2x30"), 55),
    Case("SensSourceFenced", "two owners fight", ingestion("fenced_total", "0+1x20"), 15, BOILER),
    Case("SensSourceFenced", "one took over", ingestion("fenced_total", "0x5 1x20"), 15),
    Case("SensSessionLost", "once", ingestion("sessions_lost_total", "0x10 1x60"), 30, BOILER),
    Case("SensSessionLost", "long ago", ingestion("sessions_lost_total", "0x10 1x200"), 150),
    Case(
        "SensBrokerGrantsLess",
        "it is connected",
        ingestion("broker_shortfalls", "2x20") | ingestion("connected", "1x20"),
        10,
        BOILER,
    ),
    Case(
        "SensBrokerGrantsLess",
        "it was found by a replica that stands by now",
        ingestion("broker_shortfalls", "2x20")
        | ingestion("connected", "0x20")
        | ingestion("broker_shortfalls", "0x20", "b")
        | ingestion("connected", "1x20", "b"),
        10,
    ),
    Case("SensMessagesOversize", "one came", ingestion("oversize_total", "0x10 1x60"), 30, BOILER),
    Case("SensMessagesOversize", "none came", ingestion("oversize_total", "7x60"), 30),
    Case(
        "SensIntakeThrottled",
        "most of the time",
        ingestion("reading_paused_seconds_total", "0+50x40"),
        30,
        BOILER,
    ),
    Case("SensIntakeThrottled", "now and then", ingestion("reading_paused_seconds_total", "0+5x40"), 30),
]

LOG = [
    Case("SensIntakeStopped", "NATS refuses", ingestion("stream_full_total", "0+3x20"), 10, PLANT),
    Case("SensIntakeStopped", "it refused long ago", ingestion("stream_full_total", "40x20"), 10),
    Case("SensLogNearlyFull", "one of two replicas sees it first", ingestion("stream_fill_ratio", "0.96x9"), 5, PLANT),
    Case("SensLogNearlyFull", "it fills", ingestion("stream_fill_ratio", "0.9x9"), 5),
    Case("SensLogFilling", "it stays so", ingestion("stream_fill_ratio", "0.85x30"), 20, PLANT),
    Case(
        "SensLogFilling",
        "it is emptied at 80 %, again and again",
        ingestion("stream_fill_ratio", "0.7 0.75 0.82 0.3 0.5 0.81 0.2x30"),
        20,
    ),
    Case("SensMessagesLost", "twelve, just now", lost("0x400 12x60") | LEADS, 410, BOILER),
    Case("SensMessagesLost", "the first that Prometheus sees is a loss", lost("12x60") | LEADS, 10, BOILER),
    Case("SensMessagesLost", "a loss of yesterday, which the ledger keeps", lost("0x400 12x1000") | LEADS, 1300),
    Case(
        "SensMessagesLost",
        "what a replica knew when it led is no news",
        lost("9x60", "s") | STANDS_BY | lost("0x60") | LEADS,
        10,
    ),
    Case("SensLedgerUnbalanced", "nothing is lost", balanced("0x30") | lost("0x30") | LEADS, 20, BOILER),
    Case("SensLedgerUnbalanced", "a loss explains it", balanced("0x30") | lost("3x30") | LEADS, 20),
    Case(
        "SensLedgerUnbalanced",
        "a replica said so when it led",
        balanced("0x30", "s") | STANDS_BY | balanced("1x30") | LEADS,
        20,
    ),
]

STORING = [
    Case(
        "SensStoringStopped",
        "messages come in",
        ingestion("messages_received_total", "0+9x30") | telemetry("store_delay_seconds_count", "7x30"),
        20,
        PLANT,
    ),
    Case(
        "SensStoringStopped",
        "there is no telemetry worker",
        ingestion("messages_received_total", "0+9x30"),
        20,
        PLANT,
    ),
    Case(
        "SensStoringStopped",
        "one of two workers stores",
        ingestion("messages_received_total", "0+9x30")
        | telemetry("store_delay_seconds_count", "7x30")
        | telemetry("store_delay_seconds_count", "0+1x30", "s"),
        20,
    ),
    Case(
        "SensStoringStopped",
        "one message came, and a new worker stored it before it was first seen",
        ingestion("messages_received_total", "0x5 1x30") | telemetry("store_delay_seconds_count", "_x6 1x30"),
        11,
    ),
    Case(
        "SensStoringStopped",
        "nothing is sent",
        ingestion("messages_received_total", "7x30") | telemetry("store_delay_seconds_count", "7x30"),
        20,
    ),
    Case("SensStoringLate", "the database is away", telemetry("lag_seconds", "0+60x40"), 30, PLANT),
    Case("SensStoringLate", "a backlog is worked off", telemetry("lag_seconds", "900-100x9 0x40"), 12),
    Case("SensNoLeader", "two stand by", telemetry("leader", "0x30") | STANDS_BY, 20, PLANT),
    Case("SensNoLeader", "one leads", LEADS | STANDS_BY, 20),
    Case(
        "SensNoLeader",
        "another takes over",
        telemetry("leader", "1x9 0x30") | telemetry("leader", "0x11 1x30", "s"),
        20,
    ),
    Case(
        "SensRollupsBehind",
        "two hours",
        telemetry("rollup_watermark_age_seconds", "7200x60", mark="read") | LEADS,
        45,
        PLANT | {"mark": "read"},
    ),
    Case(
        "SensRollupsBehind",
        "where another leads now",
        telemetry("rollup_watermark_age_seconds", "7200x60", "s", mark="read")
        | STANDS_BY
        | telemetry("rollup_watermark_age_seconds", "600x60", mark="read")
        | LEADS,
        45,
    ),
    Case(
        "SensQuarantineGrowing",
        "one of ten",
        telemetry("messages_quarantined_total", "0+10x60", source="boiler", reason="invalid_syntax")
        | telemetry("messages_decoded_total", "0+90x60", source="boiler"),
        45,
        BOILER,
    ),
    Case(
        "SensQuarantineGrowing",
        "one of a thousand",
        telemetry("messages_quarantined_total", "0+10x60", source="boiler", reason="invalid_syntax")
        | telemetry("messages_decoded_total", "0+9990x60", source="boiler"),
        45,
    ),
    Case(
        "SensQuarantineGrowing",
        "a few by hand",
        telemetry("messages_quarantined_total", "0x30 3x30", source="boiler", reason="invalid_syntax")
        | telemetry("messages_decoded_total", "0x60", source="boiler"),
        45,
    ),
    Case("SensQuarantineCapped", "it is full", telemetry("quarantine_capped_total", "0+1x20"), 15, PLANT),
    Case("SensQuarantineCapped", "it was full", telemetry("quarantine_capped_total", "30x20"), 15),
    Case(
        "SensDeviceLimitReached", "more come", telemetry("devices_refused_total", "0+1x20", source="boiler"), 15, BOILER
    ),
    Case("SensDeviceLimitReached", "none came", telemetry("devices_refused_total", "3x20", source="boiler"), 15),
    Case(
        "SensSeriesLimitReached", "more come", telemetry("series_refused_total", "0+1x20", source="boiler"), 15, BOILER
    ),
    Case("SensSeriesLimitReached", "none came", telemetry("series_refused_total", "3x20", source="boiler"), 15),
    Case("SensBatchRefused", "one was", telemetry("batches_bisected_total", "0x9 1x20"), 15, PLANT),
    Case("SensBatchRefused", "one was, yesterday", telemetry("batches_bisected_total", "1x20"), 15),
]

PROCESSES = [
    Case(
        "SensComponentMissing",
        "all pods are gone",
        build("1x30") | build("1x30", "b"),
        50,
        PLANT | {"component": "telemetry-worker"},
    ),
    Case("SensComponentMissing", "a pod took the place of another", build("1x30") | build("_x31 1x60", "b"), 50),
    Case(
        "SensProcessNotAnswering",
        "it answered within the hour",
        one("up", "1x20 0x30") | one("sens_process_start_time_seconds", "5x20"),
        40,
        POD,
    ),
    Case("SensProcessNotAnswering", "it is none of ours", one("up", "0x50"), 40),
    Case(
        "SensProcessNotReady",
        "one of its servers is away",
        one("sens_process_ready", "0x20", check="nats") | one("sens_process_ready", "1x20", check="postgresql"),
        10,
        POD | {"check": "nats"},
    ),
    Case("SensProcessNotReady", "it starts", one("sens_process_ready", "0 0 0 1x20", check="nats"), 10),
    Case("SensProcessRestarting", "five times", one("sens_process_start_time_seconds", "1 2 3 4 5 6x20"), 15, POD),
    Case("SensProcessRestarting", "once", one("sens_process_start_time_seconds", "1x9 2x20"), 15),
    Case(
        "SensTaskRestarting",
        "each minute",
        one("sens_process_task_restarts_total", "0+1x60", task="pipeline"),
        45,
        PLANT | {"task": "pipeline"},
    ),
    Case(
        "SensTaskRestarting",
        "while a server was away for some minutes",
        one("sens_process_task_restarts_total", "0x9 0+2x5 10x60", task="pipeline"),
        40,
    ),
    Case("SensEventLoopSlow", "one of ten", loop_lag("0+54x60", "0+60x60"), 45, POD),
    Case("SensEventLoopSlow", "one of thousands", loop_lag("0+5999x60", "0+6000x60"), 45),
    Case(
        "SensMigrationFailed",
        "the Job failed",
        one("kube_job_failed", "1x9", condition="true", job_name="plant-migrations-0123456789"),
        5,
        PLANT | {"job_name": "plant-migrations-0123456789"},
    ),
    Case(
        "SensMigrationFailed",
        "another Job failed",
        one("kube_job_failed", "1x9", condition="true", job_name="plant-backup-0123456789"),
        5,
    ),
]

API = [
    Case("SensApiErrors", "one of ten", requests("200", "0+90x30") | requests("503", "0+10x30"), 20, PLANT),
    Case("SensApiErrors", "one of a thousand", requests("200", "0+9990x30") | requests("503", "0+10x30"), 20),
    Case(
        "SensApiErrors", "it is only not ready", requests("503", "0+60x30", "/readyz") | requests("200", "0+1x30"), 20
    ),
    Case("SensApiErrors", "one of two", requests("200", "0x9 1x20") | requests("503", "0x9 1x20"), 20),
    Case("SensApiSlow", "one of five", answered("0+8x60", "0+10x60"), 40, PLANT),
    Case("SensApiSlow", "live streams are long", answered("0x60", "0+10x60", "/api/v1/live"), 40),
    Case("SensApiSlow", "one of a hundred", answered("0+99x60", "0+100x60"), 40),
]

SERVERS = [
    Case(
        "SensDatabaseUnreachable",
        "for all",
        one("sens_process_ready", "0x9", check="postgresql")
        | one("sens_process_ready", "0x9", "b", check="postgresql"),
        5,
        PLANT,
    ),
    Case(
        "SensDatabaseUnreachable",
        "for one of two",
        one("sens_process_ready", "0x9", check="postgresql")
        | one("sens_process_ready", "1x9", "b", check="postgresql"),
        5,
    ),
    Case("SensNatsUnreachable", "for all", one("sens_process_ready", "0x9", check="nats"), 5, PLANT),
    Case(
        "SensNatsUnreachable",
        "for one of two",
        one("sens_process_ready", "0x9", check="nats") | one("sens_process_ready", "1x9", "b", check="nats"),
        5,
    ),
    Case("SensNatsUnstable", "each minute", one("sens_process_nats_reconnects_total", "0+1x60"), 50, PLANT),
    Case("SensNatsUnstable", "NATS was restarted", one("sens_process_nats_reconnects_total", "0x20 1x60"), 50),
    Case("SensDatabaseExporterDown", "it reaches nothing", build() | one("pg_up", "0x9"), 8, PLANT),
    Case("SensDatabaseExporterDown", "it is gone", build() | one("pg_up", "1x9"), 25, PLANT),
    Case("SensDatabaseExporterDown", "it is another's", one("pg_up", "0x9"), 8),
    Case("SensDatabaseExporterDown", "there is none", build(), 25),
    Case(
        "SensDatabaseExporterDown",
        "it was put on another node",
        build() | one("pg_up", "1x9") | one("pg_up", "_x9 1x30", "b"),
        25,
    ),
    Case("SensNatsExporterDown", "NATS is not healthy", build() | one("gnatsd_healthz_status_value", "0x9"), 8, PLANT),
    Case("SensNatsExporterDown", "it is gone", build() | one("gnatsd_healthz_status_value", "1x9"), 25, PLANT),
    Case("SensNatsExporterDown", "there is none", build(), 25),
    Case(
        "SensDatabaseConnections",
        "nine of ten",
        build()
        | one("pg_stat_database_numbackends", "90x20", datname="sens")
        | one("pg_settings_max_connections", "100x20"),
        15,
        PLANT | {"instance": "a:9090"},
    ),
    Case(
        "SensDatabaseConnections",
        "one of ten",
        build()
        | one("pg_stat_database_numbackends", "10x20", datname="sens")
        | one("pg_settings_max_connections", "100x20"),
        15,
    ),
    Case("SensVolumeFilling", "a tenth in two hours", build() | volume("60-0.1x600"), 500, VOLUME),
    Case("SensVolumeFilling", "it is large", build() | volume("95-0.1x400"), 400),
    Case("SensVolumeFilling", "nothing grows", build() | volume("30x600"), 500),
    Case("SensVolumeNearlyFull", "one of twenty is left", build() | volume("5x20"), 10, VOLUME),
    Case("SensVolumeNearlyFull", "it is another's", volume("5x20"), 10),
    Case("SensVolumeNearlyFull", "half is left", build() | volume("50x20"), 10),
]

CASES = [*SOURCES, *LOG, *STORING, *PROCESSES, *API, *SERVERS]
