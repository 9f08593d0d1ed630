"""HDFS: a NameNode and a DataNode, one replica a block."""

import json

from devstack.hadoop import LOCK, Properties, build_hadoop_command, client_conf, core_properties, write_conf
from devstack.probe import ask_bean
from devstack.service import Daemon, Place, Service

PORTS = ("namenode.rpc", "namenode.http", "datanode.data", "datanode.http", "datanode.ipc")
NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_WEB_FOLDERS = {"namenode": "hdfs", "datanode": "datanode"}


def describe_hdfs(place: Place) -> Service:
    """It answers when the NameNode is out of safe mode and the DataNode serves it."""
    return Service(
        name="hdfs",
        address=f"hdfs://{place.address('namenode.rpc')}",
        daemons=(_namenode(place), _datanode(place)),
        write_configuration=lambda: _write_configuration(place),
        lock=LOCK,
    )


def hdfs_properties(place: Place) -> Properties:
    """What clients need to know."""
    return {
        "dfs.replication": 1,
        "dfs.namenode.rpc-address": place.address("namenode.rpc"),
        "dfs.namenode.http-address": place.address("namenode.http"),
        # a file's close asks before the DataNode has reported its block, and by default asks again after 400 ms
        "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": 10,
        "dfs.client.block.write.locateFollowingBlock.retries": 10,
    }


def _namenode(place: Place) -> Daemon:
    return Daemon(
        name="namenode",
        command=build_hadoop_command(place, "namenode", NAMENODE, heap_mib=256),
        first=build_hadoop_command(place, "namenode", NAMENODE, "-format", "-force", "-nonInteractive", heap_mib=256),
        ports=("namenode.rpc", "namenode.http"),
        is_ready=lambda: _is_namenode_ready(place),
    )


def _datanode(place: Place) -> Daemon:
    return Daemon(
        name="datanode",
        command=build_hadoop_command(place, "datanode", DATANODE, heap_mib=256),
        ports=("datanode.data", "datanode.http", "datanode.ipc"),
        is_ready=lambda: _is_datanode_ready(place),
    )


def _is_namenode_ready(place: Place) -> bool:
    """Out of safe mode, with a DataNode; until it has started the bean lacks attributes."""
    bean = ask_bean(place.address("namenode.http"), "Hadoop:service=NameNode,name=NameNodeInfo")
    return bean is not None and bean.get("Safemode") == "" and json.loads(bean.get("LiveNodes", "{}")) != {}


def _is_datanode_ready(place: Place) -> bool:
    bean = ask_bean(place.address("datanode.http"), "Hadoop:service=DataNode,name=DataNodeInfo")
    actors = json.loads(bean.get("BPServiceActorInfo", "[]")) if bean else []
    return any(actor["ActorState"] == "RUNNING" for actor in actors)


def _write_configuration(place: Place) -> None:
    for name, folder in _WEB_FOLDERS.items():
        conf = place.home(name) / "conf"
        # hadoop-hdfs.jar holds no web pages; the daemons' web servers, which answer /jmx, only need the folders
        (conf / "webapps" / folder).mkdir(parents=True, exist_ok=True)
        write_conf(conf, core=core_properties(place, place.scratch(name)), hdfs=_daemon_properties(place))
    client_core = core_properties(place, place.folder / "hadoop" / "scratch")
    write_conf(client_conf(place), core=client_core, hdfs=hdfs_properties(place))


def _daemon_properties(place: Place) -> Properties:
    return {
        **hdfs_properties(place),
        "dfs.namenode.name.dir": place.home("namenode") / "data",
        "dfs.datanode.data.dir": place.home("datanode") / "data",
        "dfs.datanode.address": place.address("datanode.data"),
        "dfs.datanode.http.address": place.address("datanode.http"),
        "dfs.datanode.ipc.address": place.address("datanode.ipc"),
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.namenode.datanode.registration.ip-hostname-check": False,
        "dfs.namenode.safemode.extension": 0,  # milliseconds to stay in safe mode when all blocks are there
        "dfs.namenode.handler.count": 4,
        "dfs.datanode.handler.count": 4,
        "dfs.heartbeat.interval": 1,
    }
