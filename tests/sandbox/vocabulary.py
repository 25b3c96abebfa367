"""Names the published aggregate queries know; all others are refused, as Genesys refuses them."""

# ConversationAggregationView.target
CONVERSATION_METRICS = frozenset({
    "nAgentDeclined", "nAlertExpired", "nBlindTransferred", "nBotInteractions",
    "nCallbackAttempts", "nCallbackOverSla", "nCallbackScheduled", "nCfcOffered",
    "nCobrowseSessions", "nConnected", "nConsult", "nConsultTransferred", "nConversations",
    "nError", "nOffered", "nOutbound", "nOutboundAbandoned", "nOutboundAttempted",
    "nOutboundConnected", "nOverSla", "nStateTransitionError", "nTakeover", "nTransferred",
    "oAudioMessageCount", "oCallbackServiceLevel", "oExternalAudioMessageCount",
    "oExternalMediaCount", "oMediaCount", "oMessageCount", "oMessageSegmentCount",
    "oMessageTurn", "oServiceLevel", "oServiceTarget", "oSkillExpressionApplications",
    "tAbandon", "tAcd", "tActiveCallback", "tActiveCallbackComplete", "tAcw",
    "tAgentResponseTime", "tAgentVideoConnected", "tAlert", "tAnswered",
    "tAverageAgentResponseTime", "tAverageCustomerResponseTime", "tBarging", "tCallbackAbandon",
    "tCallbackConnect", "tCallbackNotReached", "tCallbackVirtualWait", "tCfcAbandon", "tCfcAcd",
    "tCfcAnswered", "tCfcFlowOut", "tCoaching", "tCoachingComplete", "tConnected",
    "tContacting", "tDialing", "tFirstConnect", "tFirstDial", "tFirstEngagement",
    "tFirstResponse", "tFlowOut", "tHandle", "tHeld", "tHeldComplete", "tIvr", "tMonitoring",
    "tMonitoringComplete", "tNotResponding", "tPark", "tParkComplete", "tScreenMonitoring",
    "tShortAbandon", "tSnippetRecord", "tTalk", "tTalkComplete", "tTransmitting",
    "tUserResponseTime", "tVoicemail", "tWait",
})  # fmt: skip
# ConversationAggregateQueryPredicate.dimension
CONVERSATION_DIMENSIONS = frozenset({
    "activeRouting", "activeSkillId", "addressFrom", "addressTo", "agentAssistantId",
    "agentBullseyeRing", "agentOwned", "agentRank", "agentScore", "ani", "assignerId",
    "authenticated", "canonicalExternalContactId", "conversationId", "conversationInitiator",
    "convertedFrom", "convertedTo", "customerParticipation", "deliveryStatus",
    "destinationAddress", "direction", "disconnectType", "divisionId", "dnis", "edgeId",
    "eligibleAgentCount", "errorCode", "extendedDeliveryStatus", "externalContactId",
    "externalMediaCount", "externalOrganizationId", "externalTag", "firstQueue",
    "flaggedReason", "flowInType", "flowOutType", "groupId", "interactionType",
    "journeyActionId", "journeyActionMapId", "journeyActionMapVersion", "journeyCustomerId",
    "journeyCustomerIdType", "journeyCustomerSessionId", "journeyCustomerSessionIdType",
    "knowledgeBaseId", "mediaCount", "mediaType", "messageType", "originatingDirection",
    "originatingSocialMediaPublic", "outboundCampaignId", "outboundContactId",
    "outboundContactListId", "participantName", "peerId", "proposedAgentId", "provider",
    "purpose", "queueId", "remote", "removedSkillId", "requestedLanguageId", "requestedRouting",
    "requestedRoutingSkillId", "roomId", "routingPriority", "routingRing", "routingRule",
    "routingRuleType", "scoredAgentId", "selectedAgentId", "selectedAgentRank", "selfServed",
    "sessionDnis", "sessionId", "skillExpressionId", "stationId", "teamId", "usedRouting",
    "userId", "videoPresent", "waitingInteractionCount", "wrapUpCode",
})  # fmt: skip
# FlowAggregationView.target
FLOW_METRICS = frozenset({
    "nFlow", "nFlowMilestone", "nFlowOutcome", "nFlowOutcomeFailed", "oFlowMilestone", "tFlow",
    "tFlowDisconnect", "tFlowExit", "tFlowOutcome",
})  # fmt: skip
# FlowAggregateQueryPredicate.dimension
FLOW_DIMENSIONS = frozenset({
    "activeRouting", "activeSkillId", "addressFrom", "addressTo", "agentAssistantId",
    "agentBullseyeRing", "agentOwned", "agentRank", "agentScore", "ani", "assignerId",
    "authenticated", "canonicalExternalContactId", "conversationId", "conversationInitiator",
    "convertedFrom", "convertedTo", "customerParticipation", "deliveryStatus",
    "destinationAddress", "direction", "disconnectType", "divisionId", "dnis", "edgeId",
    "eligibleAgentCount", "endingLanguage", "entryReason", "entryType", "errorCode",
    "exitReason", "extendedDeliveryStatus", "externalContactId", "externalMediaCount",
    "externalOrganizationId", "externalTag", "firstQueue", "flaggedReason", "flowId",
    "flowInType", "flowMilestoneId", "flowName", "flowOutType", "flowOutcome", "flowOutcomeId",
    "flowOutcomeValue", "flowSubType", "flowType", "flowVersion", "groupId", "interactionType",
    "journeyActionId", "journeyActionMapId", "journeyActionMapVersion", "journeyCustomerId",
    "journeyCustomerIdType", "journeyCustomerSessionId", "journeyCustomerSessionIdType",
    "knowledgeBaseId", "mediaCount", "mediaType", "messageType", "originatingDirection",
    "outboundCampaignId", "outboundContactId", "outboundContactListId", "participantName",
    "peerId", "proposedAgentId", "provider", "purpose", "queueId", "recognitionFailureReason",
    "remote", "removedSkillId", "requestedLanguageId", "requestedRouting",
    "requestedRoutingSkillId", "roomId", "routingPriority", "routingRing", "routingRule",
    "routingRuleType", "scoredAgentId", "selectedAgentId", "selectedAgentRank", "selfServed",
    "sessionDnis", "sessionId", "skillExpressionId", "startingLanguage", "stationId", "teamId",
    "transferTargetAddress", "transferTargetName", "transferType", "usedRouting", "userId",
    "videoPresent", "waitingInteractionCount", "wrapUpCode",
})  # fmt: skip
# UserAggregationView.target
USER_METRICS = frozenset({
    "tAgentRoutingStatus", "tOrganizationPresence", "tSystemPresence",
})  # fmt: skip
# UserAggregateQueryPredicate.dimension
USER_DIMENSIONS = frozenset({
    "userId",
})  # fmt: skip
