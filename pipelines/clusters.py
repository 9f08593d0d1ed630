"""Answers to clusters of one meaning: labels spread from few seeds over a graph of answers and words.

After Kannan et al. (2016), "Smart Reply: Automated Response Suggestion for Email", section 4, and Ravi and Diao
(2016), "Large Scale Distributed Semi-Supervised Learning Using Streaming Approximation". An answer is a neighbour of
each of its words, and of the words of the questions that it was given to; a round hands every answer's clusters to
its words and back. Nodes keep their best few clusters, so a round is two joins of what Spark holds, however many
answers there are.
"""

import re
from dataclasses import dataclass, field
from enum import Enum

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


class Polarity(Enum):
    """Which way an answer goes."""

    neutral = "neutral"
    positive = "positive"
    negative = "negative"


@dataclass(frozen=True)
class SeedConfig:
    """A cluster by its seeds."""

    phrases: list[str]  # an answer that holds one, however it is spaced, belongs to the cluster
    polarity: Polarity = Polarity.neutral


def _default_seeds() -> dict[str, SeedConfig]:
    return {
        "yes": SeedConfig(["가능합니다", "그럼요", "물론이죠", "당연하죠"], Polarity.positive),
        "no": SeedConfig(["어렵습니다", "불가능", "할 수 없", "안 됩니다", "안 돼요"], Polarity.negative),
        "encourage": SeedConfig(["힘내", "잘 될 거예요", "할 수 있을 거예요", "응원"]),
        "approve": SeedConfig(["좋은 생각", "좋은 선택", "잘하셨", "잘했어요"], Polarity.positive),
        "advise_against": SeedConfig(["하지 않는 게", "안 하는 게", "그만두", "연락하지 마"], Polarity.negative),
        "greet": SeedConfig(["안녕하세요", "반갑습니다", "반가워요"]),
        "thank": SeedConfig(["감사합니다", "고마워요", "고맙습니다"]),
        "apologize": SeedConfig(["죄송합니다", "미안해요", "불편을 드려"]),
        "comfort": SeedConfig(["속상하", "위로", "마음이 아프", "힘들었겠"]),
        "wait": SeedConfig(["기다려 주세요", "잠시만", "조금만 기다"]),
        "rest": SeedConfig(["푹 쉬", "휴식", "주무세요"]),
        "ask_back": SeedConfig(["말씀해 주세요", "알려 주세요", "알려주세요", "왜 그러세요"]),
        "confirm": SeedConfig(["확인해 보니", "확인해 드리", "확인됩니다"]),
    }


@dataclass(frozen=True)
class ClustersConfig:
    """How answers of one meaning are found."""

    seeds: dict[str, SeedConfig] = field(default_factory=_default_seeds)  # clusters by name
    new_clusters: int = 100  # frequent answers that no seed reached, which seed a cluster each
    rounds: int = 3  # of labels from answers to words and back
    labels_kept: int = 3  # clusters that a node keeps a round
    min_score: float = 0.15  # a share of the neighbourhood below which an answer is in no cluster
    max_word_share: float = 0.05  # of the answers; a more frequent word says nothing about meaning


def link_words(tokens: DataFrame, config: ClustersConfig) -> DataFrame:
    """The graph: `reply_key, word, weight`, an answer's weights adding up to 1, from rows (`reply_key, words`).

    An answer may stand in several rows. Words of one answer alone, or of too many, link nothing.
    """
    links = tokens.select("reply_key", F.explode("words").alias("word")).distinct()
    answers = tokens.select(F.count_distinct("reply_key").alias("answers"))
    spread = links.groupBy("word").count().crossJoin(F.broadcast(answers))
    spread = spread.where((F.col("count") > 1) & (F.col("count") <= config.max_word_share * F.col("answers") + 1))
    weighed = links.join(spread, on="word", how="inner")
    weighed = weighed.withColumn("weight", F.log(F.col("answers") / F.col("count")) + 1)
    whole = F.sum("weight").over(Window.partitionBy("reply_key"))
    return weighed.select("reply_key", "word", (F.col("weight") / whole).alias("weight"))


def seed_labels(responses: DataFrame, config: ClustersConfig) -> DataFrame:
    """`reply_key, cluster, score` of the answers that hold a seed's phrase; of several clusters the first by name."""
    found = [F.when(_holds(F.col("reply"), seed.phrases), name) for name, seed in sorted(config.seeds.items())]
    seeded = responses.withColumn("cluster", F.coalesce(*found, F.lit(None).cast("string")))
    return seeded.where(F.col("cluster").isNotNull()).select("reply_key", "cluster", F.lit(1.0).alias("score"))


def seed_new_clusters(responses: DataFrame, labels: DataFrame, config: ClustersConfig) -> DataFrame:
    """`reply_key, cluster, score`: the most frequent answers without a label, each a cluster by its own name."""
    unlabelled = responses.join(labels, on="reply_key", how="left_anti")
    chosen = unlabelled.orderBy(F.desc("rooms"), "reply_key").limit(config.new_clusters)
    return chosen.select("reply_key", F.hex("reply_key").alias("cluster"), F.lit(1.0).alias("score"))


def spread_labels(links: DataFrame, seeds: DataFrame, config: ClustersConfig) -> DataFrame:
    """`reply_key, cluster, score`: each answer's best cluster, if its score reaches the minimum; seeds keep theirs."""
    labels = seeds
    for _ in range(config.rounds):
        labels = _spread_once(links, labels, seeds, config)
    best = F.max_by(F.struct("cluster", "score"), F.struct("score", "cluster")).alias("best")
    chosen = labels.groupBy("reply_key").agg(best).select("reply_key", "best.*")
    return chosen.where(F.col("score") >= config.min_score)


def polarity_of(cluster: Column, config: ClustersConfig) -> Column:
    """A cluster's polarity; neutral for those that no seed names, and for none."""
    polarity = F.lit(Polarity.neutral.value)
    for name, seed in config.seeds.items():
        polarity = F.when(cluster == name, seed.polarity.value).otherwise(polarity)
    return polarity


def _spread_once(links: DataFrame, labels: DataFrame, seeds: DataFrame, config: ClustersConfig) -> DataFrame:
    degree = links.groupBy("word").agg(F.sum("weight").alias("degree"))
    said = links.join(labels, on="reply_key", how="inner").groupBy("word", "cluster")
    mass = said.agg(F.sum(F.col("weight") * F.col("score")).alias("mass")).join(degree, on="word", how="inner")
    heard = mass.select("word", "cluster", (F.col("mass") / F.col("degree")).alias("heard"))
    told = links.join(heard, on="word", how="inner").groupBy("reply_key", "cluster")
    scored = told.agg(F.sum(F.col("weight") * F.col("heard")).alias("score"))
    others = scored.join(seeds.select("reply_key"), on="reply_key", how="left_anti")
    ranked = Window.partitionBy("reply_key").orderBy(F.desc("score"), "cluster")
    kept = others.withColumn("place", F.row_number().over(ranked)).where(F.col("place") <= config.labels_kept)
    return kept.drop("place").unionByName(seeds)


def _holds(reply: Column, phrases: list[str]) -> Column:
    wanted = "|".join(re.escape(phrase.replace(" ", "")) for phrase in phrases)
    return F.replace(reply, F.lit(" "), F.lit("")).rlike(wanted) if phrases else F.lit(False)
