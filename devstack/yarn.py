"""YARN: a ResourceManager with the queues nightly and live, and two NodeManagers, each a host of its own on loopback.

Restarts keep what runs: the ResourceManager recovers applications, the NodeManagers recover containers. `down` ends
both for good.
"""

from devstack.hadoop import (
    LOCK,
    Properties,
    build_hadoop_command,
    client_conf,
    core_properties,
    write_conf,
    write_properties,
)
from devstack.hdfs import hdfs_properties
from devstack.java import find_java_home
from devstack.probe import ask_json
from devstack.process import MARK
from devstack.service import HOST, Daemon, Place, Service

NODES = {"nodemanager-1": "127.0.0.1", "nodemanager-2": "127.0.0.2"}  # two hosts to Spark and Horovod
_RM_PORTS = tuple(f"resourcemanager.{port}" for port in ("rpc", "scheduler", "tracker", "admin", "http"))
_NODE_PORTS = {name: tuple(f"{name}.{port}" for port in ("rpc", "localizer", "http")) for name in NODES}
PORTS = (*_RM_PORTS, *(port for ports in _NODE_PORTS.values() for port in ports))

# What each node offers. A driver and two executors of 2 GiB and 1 GiB overhead each take 9 GiB: more than one node,
# so they spread, and half of what both offer, so a second job fits beside them. Both nodes in full (16 GiB) and the
# stack itself (2 GiB) leave 6 GiB of a 24 GiB machine to what drives them.
NODE_MIB = 8192
NODE_VCORES = 8  # the scheduler places by memory; more than the machine has, so that cores never keep a job waiting


def describe_yarn(place: Place) -> Service:
    """It answers when the ResourceManager has started and both NodeManagers have registered with it."""
    return Service(
        name="yarn",
        address=f"http://{place.address('resourcemanager.http')}",
        daemons=(_resourcemanager(place), *(_nodemanager(place, name) for name in NODES)),
        write_configuration=lambda: _write_configuration(place),
        lock=LOCK,
    )


def _resourcemanager(place: Place) -> Daemon:
    main = "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager"
    return Daemon(
        name="resourcemanager",
        command=build_hadoop_command(place, "resourcemanager", main, heap_mib=384),
        ports=_RM_PORTS,
        is_ready=lambda: _is_resourcemanager_ready(place),
    )


def _nodemanager(place: Place, name: str) -> Daemon:
    main = "org.apache.hadoop.yarn.server.nodemanager.NodeManager"
    return Daemon(
        name=name,
        command=build_hadoop_command(place, name, main, heap_mib=256),
        ports=_NODE_PORTS[name],
        is_ready=lambda: _is_nodemanager_ready(place, name),
        host=NODES[name],
        environment={"JAVA_HOME": str(find_java_home()), "HADOOP_CONF_DIR": str(client_conf(place))},
    )


def _is_resourcemanager_ready(place: Place) -> bool:
    answer = ask_json(f"http://{place.address('resourcemanager.http')}/ws/v1/cluster/info")
    return answer is not None and answer["clusterInfo"]["state"] == "STARTED"


def _is_nodemanager_ready(place: Place, name: str) -> bool:
    """Whether the ResourceManager has heard from this start of the NodeManager, not only from an earlier one."""
    mine = ask_json(f"http://{place.address(f'{name}.http', NODES[name])}/ws/v1/node/info")
    seen = ask_json(f"http://{place.address('resourcemanager.http')}/ws/v1/cluster/nodes")
    nodes = (seen["nodes"] or {}).get("node", []) if seen else []
    return mine is not None and any(
        node["id"].endswith(f":{place.ports[f'{name}.rpc']}")
        and node["state"] == "RUNNING"
        and node["lastHealthUpdate"] >= mine["nodeInfo"]["nmStartupTime"]
        for node in nodes
    )


def _write_configuration(place: Place) -> None:
    cluster = yarn_properties(place)
    sites = {"resourcemanager": _resourcemanager_properties(place)}
    sites |= {name: _nodemanager_properties(place, name) for name in NODES}
    for name, properties in sites.items():
        core = core_properties(place, place.scratch(name))
        conf = place.home(name) / "conf"
        write_conf(conf, core=core, hdfs=hdfs_properties(place), yarn={**cluster, **properties})
    write_properties(place.home("resourcemanager") / "conf" / "capacity-scheduler.xml", _queue_properties())
    write_properties(client_conf(place) / "yarn-site.xml", cluster)


def yarn_properties(place: Place) -> Properties:
    """What clients and all daemons need to know."""
    prefix = "yarn.resourcemanager"
    return {
        f"{prefix}.hostname": HOST,
        f"{prefix}.address": place.address("resourcemanager.rpc"),
        f"{prefix}.scheduler.address": place.address("resourcemanager.scheduler"),
        f"{prefix}.resource-tracker.address": place.address("resourcemanager.tracker"),
        f"{prefix}.admin.address": place.address("resourcemanager.admin"),
        f"{prefix}.webapp.address": place.address("resourcemanager.http"),
        f"{prefix}.connect.retry-interval.ms": 1000,  # after its restart it is found in a second, not in 30
        "yarn.log-aggregation-enable": True,
        "yarn.nodemanager.remote-app-log-dir": "/yarn-logs",
    }


def _resourcemanager_properties(place: Place) -> Properties:
    prefix = "yarn.resourcemanager"
    return {
        "yarn.scheduler.minimum-allocation-mb": 128,
        "yarn.scheduler.maximum-allocation-mb": NODE_MIB,
        "yarn.scheduler.maximum-allocation-vcores": NODE_VCORES,
        f"{prefix}.nodemanagers.heartbeat-interval-ms": 200,
        f"{prefix}.am.max-attempts": 2,
        f"{prefix}.recovery.enabled": True,
        f"{prefix}.store.class": "org.apache.hadoop.yarn.server.resourcemanager.recovery.LeveldbRMStateStore",
        f"{prefix}.leveldb-state-store.path": place.scratch("resourcemanager") / "state",
        f"{prefix}.work-preserving-recovery.enabled": True,
        f"{prefix}.work-preserving-recovery.scheduling-wait-ms": 2000,  # for two nodes to report, not for thousands
        # a node that is gone is noticed in half a minute, not in ten; a driver's time begins before its packages are
        # unpacked, which takes a busy machine minutes
        "yarn.nm.liveness-monitor.expiry-interval-ms": 20_000,
        "yarn.am.liveness-monitor.expiry-interval-ms": 300_000,
        # queues below their share get it back from those above
        f"{prefix}.scheduler.monitor.enable": True,
        f"{prefix}.monitor.capacity.preemption.monitoring_interval": 1000,
        f"{prefix}.monitor.capacity.preemption.max_wait_before_kill": 5000,
        f"{prefix}.monitor.capacity.preemption.total_preemption_per_round": 1.0,
        f"{prefix}.monitor.capacity.preemption.natural_termination_factor": 1.0,
    }


def _nodemanager_properties(place: Place, name: str) -> Properties:
    prefix, host = "yarn.nodemanager", NODES[name]
    return {
        f"{prefix}.hostname": host,
        f"{prefix}.bind-host": host,
        f"{prefix}.address": place.address(f"{name}.rpc", host),
        f"{prefix}.localizer.address": place.address(f"{name}.localizer", host),
        f"{prefix}.webapp.address": place.address(f"{name}.http", host),
        f"{prefix}.local-dirs": place.scratch(name) / "local",
        f"{prefix}.log-dirs": place.home(name) / "containers",
        f"{prefix}.recovery.enabled": True,
        f"{prefix}.recovery.supervised": True,  # its containers go on while it is restarted
        f"{prefix}.recovery.dir": place.scratch(name) / "recovery",
        f"{prefix}.resource.memory-mb": NODE_MIB,
        f"{prefix}.resource.cpu-vcores": NODE_VCORES,
        f"{prefix}.pmem-check-enabled": True,
        f"{prefix}.resource.memory.enforced": False,  # else it is left to cgroups that are not there: YARN-11967
        f"{prefix}.vmem-check-enabled": False,  # a JVM reserves far more addresses than it uses
        f"{prefix}.container-monitor.interval-ms": 1000,
        f"{prefix}.sleep-delay-before-sigkill.ms": 250,
        f"{prefix}.disk-health-checker.max-disk-utilization-per-disk-percentage": 99.5,
        # the mark tells the containers of this stack from any other process, so that `down` can end them
        f"{prefix}.env-whitelist": ",".join(["JAVA_HOME", "HADOOP_CONF_DIR", "PATH", "LANG", "TZ", MARK]),
    }


def _queue_properties() -> Properties:
    """Each queue may use all that the other leaves free; `live` takes its share back from `nightly`."""
    root = "yarn.scheduler.capacity"
    shares = {"nightly": (60, 1), "live": (40, 2)}  # percent that are its own; priority, the higher the more important
    properties: dict[str, object] = {f"{root}.root.queues": ",".join(shares)}
    for queue, (percent, priority) in shares.items():
        properties |= {
            f"{root}.root.{queue}.capacity": percent,
            f"{root}.root.{queue}.maximum-capacity": 100,
            f"{root}.root.{queue}.user-limit-factor": 10,  # one user may have all of it
            f"{root}.root.{queue}.priority": priority,
        }
    return properties | {
        f"{root}.root.ordering-policy": "priority-utilization",
        f"{root}.maximum-am-resource-percent": 0.8,  # drivers' share: in a small cluster they are most of a job
        f"{root}.maximum-applications": 100,
        f"{root}.node-locality-delay": -1,
        # one container a node and heartbeat, so that a job's executors spread over the nodes
        f"{root}.per-node-heartbeat.maximum-container-assignments": 1,
    }
