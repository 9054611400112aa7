// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QJsonObject>

#include <optional>
#include <vector>

namespace dynakv::base::api {

/// One row of `GET /v1/cluster`.
struct MemberStatus
{
    QByteArray id = {};             ///< 16 hex digits.
    QByteArray address = {};        ///< API address, `host:port`.
    QByteArray clusterAddress = {}; ///< `host:port`.
    /// `joining`, `alive`, `suspect`, `down`, `leaving` or `left`.
    QByteArray state = {};
    qint64 sinceMs = 0; ///< Unix ms at which the answering node saw this state begin.
    bool isSelf = false;
    QByteArray version = {}; ///< Program version; empty if not known.
    std::optional<qint64> keys = {};
    std::optional<qint64> bytes = {};
    std::optional<double> rttMs = {};
    std::optional<qint64> memoryUsedPermille = {}; ///< Of its memory limit, where it has one.
    bool mayLack = false; ///< Its data file was harmed; it is being compared with the others.
    std::optional<double> clockOffsetMs = {}; ///< Its clock less the answering node's, about.
    std::optional<qint64> replicationLagMs =
        {}; ///< Age of the oldest record sent to it, unconfirmed.
    /// Keys that were written through the answering node and that it has yet to get.
    std::optional<qint64> hintsPending = {};
    bool areHintsDropped = false;               ///< There are more, which a comparison will find.
    std::optional<qint64> partitionsEqual = {}; ///< Of 256, when the two were last compared,
    std::optional<qint64> comparedMs = {};      ///< which was then, Unix ms.
    bool holdsPurgeBack = false;                ///< The others keep what is dead because of it.
    bool operator==(const MemberStatus &) const = default;
};

/// `GET /v1/cluster`: the cluster as one node sees it.
struct ClusterStatus
{
    QByteArray clusterId = {}; ///< 16 hex digits, empty while the node has joined none.
    QByteArray nodeId = {};    ///< The answering node.
    /// `joining`, `catching_up` or `ready`.
    QByteArray state = {};
    QByteArray detail = {}; ///< Why it is not ready, for people; empty when it is.
    std::vector<MemberStatus> members = {};
    /// What has been dead since then is purged, Unix ms; none: nothing yet.
    std::optional<qint64> purgedUpToMs = {};
    bool operator==(const ClusterStatus &) const = default;
};

QJsonObject toJson(const ClusterStatus &status);
/// Invalid where a member is missing or has another type; members it does not know are ignored, so
/// that an older client reads a newer node.
Result<ClusterStatus> clusterStatusFromJson(const QJsonObject &object);

} // namespace dynakv::base::api
