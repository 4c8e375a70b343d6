// Written by scripts/generate-protos; do not edit.
// swift-format-ignore-file

/// What Heddle and Envoy know about each message; the notation is described at ``Schema``.
let envoySchemaTable: StaticString = #"""
m envoy.config.accesslog.v3.AccessLog
1 name string
2 filter envoy.config.accesslog.v3.AccessLogFilter
4 typed_config google.protobuf.Any @config_type
m envoy.config.accesslog.v3.AccessLogFilter
1 status_code_filter envoy.config.accesslog.v3.StatusCodeFilter @filter_specifier
2 duration_filter envoy.config.accesslog.v3.DurationFilter @filter_specifier
3 not_health_check_filter envoy.config.accesslog.v3.NotHealthCheckFilter @filter_specifier
6 and_filter envoy.config.accesslog.v3.AndFilter @filter_specifier
7 or_filter envoy.config.accesslog.v3.OrFilter @filter_specifier
8 header_filter envoy.config.accesslog.v3.HeaderFilter @filter_specifier
9 response_flag_filter envoy.config.accesslog.v3.ResponseFlagFilter @filter_specifier
10 grpc_status_filter envoy.config.accesslog.v3.GrpcStatusFilter @filter_specifier
o filter_specifier
- 4:traceable_filter 5:runtime_filter 11:extension_filter 12:metadata_filter 13:log_type_filter
m envoy.config.accesslog.v3.ComparisonFilter
1 op =envoy.config.accesslog.v3.ComparisonFilter.Op
2 value envoy.config.core.v3.RuntimeUInt32 required
e envoy.config.accesslog.v3.ComparisonFilter.Op
0 EQ
1 GE
2 LE
3 NE
m envoy.config.accesslog.v3.StatusCodeFilter
1 comparison envoy.config.accesslog.v3.ComparisonFilter required
m envoy.config.accesslog.v3.DurationFilter
1 comparison envoy.config.accesslog.v3.ComparisonFilter required
m envoy.config.accesslog.v3.NotHealthCheckFilter
m envoy.config.accesslog.v3.AndFilter
1 filters *envoy.config.accesslog.v3.AccessLogFilter min_items=2
m envoy.config.accesslog.v3.OrFilter
2 filters *envoy.config.accesslog.v3.AccessLogFilter min_items=2
m envoy.config.accesslog.v3.HeaderFilter
1 header envoy.config.route.v3.HeaderMatcher required
m envoy.config.accesslog.v3.ResponseFlagFilter
1 flags *string item.in=LH,UH,UT,LR,UR,UF,UC,UO,NR,DI,FI,RL,UAEX,RLSE,DC,URX,SI,IH,DPE,UMSDR,RFCF,NFCF,DT,UPE,NC,OM,DF,DO,DR,UDO
m envoy.config.accesslog.v3.GrpcStatusFilter
1 statuses *=envoy.config.accesslog.v3.GrpcStatusFilter.Status
2 exclude bool
e envoy.config.accesslog.v3.GrpcStatusFilter.Status
0 OK
1 CANCELED
2 UNKNOWN
3 INVALID_ARGUMENT
4 DEADLINE_EXCEEDED
5 NOT_FOUND
6 ALREADY_EXISTS
7 PERMISSION_DENIED
8 RESOURCE_EXHAUSTED
9 FAILED_PRECONDITION
10 ABORTED
11 OUT_OF_RANGE
12 UNIMPLEMENTED
13 INTERNAL
14 UNAVAILABLE
15 DATA_LOSS
16 UNAUTHENTICATED
m envoy.config.bootstrap.v3.Bootstrap
1 node envoy.config.core.v3.Node
2 static_resources envoy.config.bootstrap.v3.Bootstrap.StaticResources
3 dynamic_resources envoy.config.bootstrap.v3.Bootstrap.DynamicResources
13 stats_config envoy.config.metrics.v3.StatsConfig
7 stats_flush_interval google.protobuf.Duration lt=300s gte=0.001s
17 layered_runtime envoy.config.bootstrap.v3.LayeredRuntime
12 admin envoy.config.bootstrap.v3.Admin
31 typed_dns_resolver_config envoy.config.core.v3.TypedExtensionConfig
- 26:node_context_params 4:cluster_manager 14:hds_config 5:flags_path 6:stats_sinks 39:deferred_stat_options 29:stats_flush_on_admin 42:stats_eviction_interval 8:watchdog! 27:watchdogs 9:tracing! 15:overload_manager 16:enable_dispatcher_stats 18:header_prefix 19:stats_server_version_override 20:use_tcp_for_dns_lookups! 30:dns_resolution_config! 21:bootstrap_extensions 28:fatal_actions 22:config_sources 23:default_config_source 24:default_socket_interface 25:certificate_provider_instances 32:inline_headers 33:perf_tracing_file_path 34:default_regex_engine 35:xds_delegate_extension 36:xds_config_tracker_extension 37:listener_manager 38:application_log_config 40:grpc_async_client_manager_config 41:memory_allocator_manager
m envoy.config.bootstrap.v3.Bootstrap.StaticResources
1 listeners *envoy.config.listener.v3.Listener
2 clusters *envoy.config.cluster.v3.Cluster
3 secrets *envoy.extensions.transport_sockets.tls.v3.Secret
m envoy.config.bootstrap.v3.Bootstrap.DynamicResources
1 lds_config envoy.config.core.v3.ConfigSource
2 cds_config envoy.config.core.v3.ConfigSource
3 ads_config envoy.config.core.v3.ApiConfigSource
- 5:lds_resources_locator 6:cds_resources_locator
m envoy.config.bootstrap.v3.Admin
5 access_log *envoy.config.accesslog.v3.AccessLog
3 address envoy.config.core.v3.Address
6 ignore_global_conn_limit bool
- 1:access_log_path! 2:profile_path 4:socket_options 7:allow_paths
m envoy.config.bootstrap.v3.RuntimeLayer
1 name string min=1
2 static_layer google.protobuf.Struct @layer_specifier
o layer_specifier
- 3:disk_layer 4:admin_layer 5:rtds_layer
m envoy.config.bootstrap.v3.LayeredRuntime
1 layers *envoy.config.bootstrap.v3.RuntimeLayer
m envoy.config.cluster.v3.CircuitBreakers
1 thresholds *envoy.config.cluster.v3.CircuitBreakers.Thresholds
- 2:per_host_thresholds
m envoy.config.cluster.v3.CircuitBreakers.Thresholds
1 priority =envoy.config.core.v3.RoutingPriority
2 max_connections google.protobuf.UInt32Value
3 max_pending_requests google.protobuf.UInt32Value
4 max_requests google.protobuf.UInt32Value
5 max_retries google.protobuf.UInt32Value
6 track_remaining bool
- 8:retry_budget 7:max_connection_pools
m envoy.config.cluster.v3.Cluster
43 transport_socket_matches *envoy.config.cluster.v3.Cluster.TransportSocketMatch
1 name string min=1
28 alt_stat_name string
2 type =envoy.config.cluster.v3.Cluster.DiscoveryType @cluster_discovery_type
3 eds_cluster_config envoy.config.cluster.v3.Cluster.EdsClusterConfig
4 connect_timeout google.protobuf.Duration gt=0s
5 per_connection_buffer_limit_bytes google.protobuf.UInt32Value
6 lb_policy =envoy.config.cluster.v3.Cluster.LbPolicy
33 load_assignment envoy.config.endpoint.v3.ClusterLoadAssignment
10 circuit_breakers envoy.config.cluster.v3.CircuitBreakers
29 common_http_protocol_options envoy.config.core.v3.HttpProtocolOptions
13 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions
14 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions
36 typed_extension_protocol_options map<string,google.protobuf.Any>
16 dns_refresh_rate google.protobuf.Duration gt=0.001s
58 dns_jitter google.protobuf.Duration gte=0s
44 dns_failure_refresh_rate envoy.config.cluster.v3.Cluster.RefreshRate
39 respect_dns_ttl bool
17 dns_lookup_family =envoy.config.cluster.v3.Cluster.DnsLookupFamily
55 typed_dns_resolver_config envoy.config.core.v3.TypedExtensionConfig
20 cleanup_interval google.protobuf.Duration gt=0s
21 upstream_bind_config envoy.config.core.v3.BindConfig
34 original_dst_lb_config envoy.config.cluster.v3.Cluster.OriginalDstLbConfig @lb_config
37 least_request_lb_config envoy.config.cluster.v3.Cluster.LeastRequestLbConfig @lb_config
24 transport_socket envoy.config.core.v3.TransportSocket
25 metadata envoy.config.core.v3.Metadata
30 upstream_connection_options envoy.config.cluster.v3.UpstreamConnectionOptions
40 filters *envoy.config.cluster.v3.Filter
- 59:transport_socket_matcher 38:cluster_type 8:health_checks 9:max_requests_per_connection! 46:upstream_http_protocol_options! 18:dns_resolvers! 45:use_tcp_for_dns_lookups! 53:dns_resolution_config! 54:wait_for_warm_on_init 19:outlier_detection 22:lb_subset_config 23:ring_hash_lb_config 52:maglev_lb_config 56:round_robin_lb_config 27:common_lb_config 26:protocol_selection! 31:close_connections_on_host_health_failure 32:ignore_health_on_host_removal 41:load_balancing_policy 42:lrs_server 57:lrs_report_endpoint_metrics 47:track_timeout_budgets! 48:upstream_config 49:track_cluster_stats 50:preconnect_policy 51:connection_pool_per_downstream_connection
m envoy.config.cluster.v3.Cluster.TransportSocketMatch
1 name string min=1
2 match google.protobuf.Struct
3 transport_socket envoy.config.core.v3.TransportSocket
m envoy.config.cluster.v3.Cluster.LeastRequestLbConfig
1 choice_count google.protobuf.UInt32Value gte=2
- 2:active_request_bias 3:slow_start_config
m envoy.config.cluster.v3.Cluster.OriginalDstLbConfig
1 use_http_header bool
2 http_header_name string
3 upstream_port_override google.protobuf.UInt32Value lte=65535
- 4:metadata_key
m envoy.config.cluster.v3.Cluster.EdsClusterConfig
1 eds_config envoy.config.core.v3.ConfigSource
2 service_name string
m envoy.config.cluster.v3.Cluster.RefreshRate
1 base_interval google.protobuf.Duration required gt=0.001s
2 max_interval google.protobuf.Duration gt=0.001s
e envoy.config.cluster.v3.Cluster.DiscoveryType
0 STATIC
1 STRICT_DNS
2 LOGICAL_DNS
3 EDS
4 ORIGINAL_DST
e envoy.config.cluster.v3.Cluster.LbPolicy
0 ROUND_ROBIN
1 LEAST_REQUEST
3 RANDOM
6 CLUSTER_PROVIDED
- 2:RING_HASH 5:MAGLEV 7:LOAD_BALANCING_POLICY_CONFIG
e envoy.config.cluster.v3.Cluster.DnsLookupFamily
0 AUTO
1 V4_ONLY
2 V6_ONLY
3 V4_PREFERRED
4 ALL
m envoy.config.cluster.v3.UpstreamConnectionOptions
1 tcp_keepalive envoy.config.core.v3.TcpKeepalive
- 2:set_local_interface_name_on_upstream_connections 3:happy_eyeballs_config
m envoy.config.cluster.v3.Filter
1 name string min=1
2 typed_config google.protobuf.Any
- 3:config_discovery
m envoy.config.common.mutation_rules.v3.HeaderMutation
1 remove string @action loose_header_value
2 append envoy.config.core.v3.HeaderValueOption @action
3 remove_on_match envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch @action
o action
m envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch
1 key_matcher envoy.type.matcher.v3.StringMatcher required
m envoy.config.core.v3.Pipe
1 path string min=1
2 mode uint32 lte=511
m envoy.config.core.v3.SocketAddress
1 protocol =envoy.config.core.v3.SocketAddress.Protocol
2 address string min=1
3 port_value uint32 @port_specifier lte=65535
6 ipv4_compat bool
o port_specifier
- 4:named_port 5:resolver_name 7:network_namespace_filepath
e envoy.config.core.v3.SocketAddress.Protocol
0 TCP
- 1:UDP
m envoy.config.core.v3.TcpKeepalive
1 keepalive_probes google.protobuf.UInt32Value
2 keepalive_time google.protobuf.UInt32Value
3 keepalive_interval google.protobuf.UInt32Value
m envoy.config.core.v3.Address
1 socket_address envoy.config.core.v3.SocketAddress @address
2 pipe envoy.config.core.v3.Pipe @address
o address
- 3:envoy_internal_address
m envoy.config.core.v3.BindConfig
1 source_address envoy.config.core.v3.SocketAddress
- 2:freebind 3:socket_options 5:extra_source_addresses 4:additional_source_addresses! 6:local_address_selector
m envoy.config.core.v3.CidrRange
1 address_prefix string min=1
2 prefix_len google.protobuf.UInt32Value lte=128
m envoy.config.core.v3.Locality
1 region string
2 zone string
3 sub_zone string
m envoy.config.core.v3.Node
1 id string
2 cluster string
3 metadata google.protobuf.Struct
4 locality envoy.config.core.v3.Locality
6 user_agent_name string
7 user_agent_version string @user_agent_version_type
10 client_features *string
- 12:dynamic_parameters 8:user_agent_build_version 9:extensions 11:listening_addresses!
m envoy.config.core.v3.Metadata
1 filter_metadata map<string,google.protobuf.Struct> key.min=1
- 2:typed_filter_metadata
m envoy.config.core.v3.RuntimeUInt32
2 default_value uint32
3 runtime_key string
m envoy.config.core.v3.HeaderValue
1 key string min=1 max=16384 loose_header_name
2 value string max=16384 loose_header_value
- 3:raw_value
m envoy.config.core.v3.HeaderValueOption
1 header envoy.config.core.v3.HeaderValue required
2 append google.protobuf.BoolValue
3 append_action =envoy.config.core.v3.HeaderValueOption.HeaderAppendAction
4 keep_empty_value bool
e envoy.config.core.v3.HeaderValueOption.HeaderAppendAction
0 APPEND_IF_EXISTS_OR_ADD
1 ADD_IF_ABSENT
2 OVERWRITE_IF_EXISTS_OR_ADD
3 OVERWRITE_IF_EXISTS
m envoy.config.core.v3.ControlPlane
1 identifier string
m envoy.config.core.v3.WatchedDirectory
1 path string min=1
m envoy.config.core.v3.DataSource
1 filename string @specifier min=1
2 inline_bytes bytes @specifier
3 inline_string string @specifier
4 environment_variable string @specifier min=1
o specifier
- 5:watched_directory
m envoy.config.core.v3.TransportSocket
1 name string min=1
3 typed_config google.protobuf.Any @config_type
m envoy.config.core.v3.RuntimeFractionalPercent
1 default_value envoy.type.v3.FractionalPercent required
2 runtime_key string
e envoy.config.core.v3.RoutingPriority
0 DEFAULT
1 HIGH
e envoy.config.core.v3.TrafficDirection
0 UNSPECIFIED
1 INBOUND
2 OUTBOUND
m envoy.config.core.v3.ApiConfigSource
1 api_type =envoy.config.core.v3.ApiConfigSource.ApiType
8 transport_api_version =envoy.config.core.v3.ApiVersion
4 grpc_services *envoy.config.core.v3.GrpcService
6 rate_limit_settings envoy.config.core.v3.RateLimitSettings
7 set_node_on_first_message_only bool
- 2:cluster_names 3:refresh_delay 5:request_timeout 9:config_validators
e envoy.config.core.v3.ApiConfigSource.ApiType
0 DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE
2 GRPC
3 DELTA_GRPC
- 1:REST 5:AGGREGATED_GRPC 6:AGGREGATED_DELTA_GRPC
m envoy.config.core.v3.AggregatedConfigSource
m envoy.config.core.v3.PathConfigSource
1 path string min=1
2 watched_directory envoy.config.core.v3.WatchedDirectory
m envoy.config.core.v3.RateLimitSettings
1 max_tokens google.protobuf.UInt32Value
2 fill_rate google.protobuf.DoubleValue gt=0
m envoy.config.core.v3.ConfigSource
1 path string @config_source_specifier
8 path_config_source envoy.config.core.v3.PathConfigSource @config_source_specifier
2 api_config_source envoy.config.core.v3.ApiConfigSource @config_source_specifier
3 ads envoy.config.core.v3.AggregatedConfigSource @config_source_specifier
4 initial_fetch_timeout google.protobuf.Duration
6 resource_api_version =envoy.config.core.v3.ApiVersion
o config_source_specifier
- 7:authorities 5:self
e envoy.config.core.v3.ApiVersion
0 AUTO
2 V3
- 1:V2
m envoy.config.core.v3.TypedExtensionConfig
1 name string min=1
2 typed_config google.protobuf.Any required
m envoy.config.core.v3.GrpcService
1 envoy_grpc envoy.config.core.v3.GrpcService.EnvoyGrpc @target_specifier
3 timeout google.protobuf.Duration
5 initial_metadata *envoy.config.core.v3.HeaderValue
o target_specifier
- 2:google_grpc 6:retry_policy
m envoy.config.core.v3.GrpcService.EnvoyGrpc
1 cluster_name string min=1
2 authority string min=0 max=16384 loose_header_value
4 max_receive_message_length google.protobuf.UInt32Value
- 3:retry_policy 5:skip_envoy_headers
e envoy.config.core.v3.HealthStatus
0 UNKNOWN
1 HEALTHY
2 UNHEALTHY
3 DRAINING
4 TIMEOUT
5 DEGRADED
m envoy.config.core.v3.UpstreamHttpProtocolOptions
1 auto_sni bool
2 auto_san_validation bool
3 override_auto_sni_header string header_name ignore_empty
m envoy.config.core.v3.HttpProtocolOptions
1 idle_timeout google.protobuf.Duration
3 max_connection_duration google.protobuf.Duration
2 max_headers_count google.protobuf.UInt32Value gte=1
7 max_response_headers_kb google.protobuf.UInt32Value lte=8192 gt=0
4 max_stream_duration google.protobuf.Duration
5 headers_with_underscores_action =envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction
6 max_requests_per_connection google.protobuf.UInt32Value
e envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction
0 ALLOW
1 REJECT_REQUEST
2 DROP_HEADER
m envoy.config.core.v3.Http1ProtocolOptions
1 allow_absolute_url google.protobuf.BoolValue
2 accept_http_10 bool
3 default_host_for_http_10 string
4 header_key_format envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat
5 enable_trailers bool
6 allow_chunked_length bool
7 override_stream_error_on_invalid_http_message google.protobuf.BoolValue
- 8:send_fully_qualified_url 9:use_balsa_parser! 10:allow_custom_methods 11:ignore_http_11_upgrade
m envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat
1 proper_case_words envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords @header_format
o header_format
- 8:stateful_formatter
m envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords
m envoy.config.core.v3.KeepaliveSettings
1 interval google.protobuf.Duration gte=0.001s
2 timeout google.protobuf.Duration required gte=0.001s
3 interval_jitter envoy.type.v3.Percent
4 connection_idle_interval google.protobuf.Duration gte=0.001s
m envoy.config.core.v3.Http2ProtocolOptions
1 hpack_table_size google.protobuf.UInt32Value
2 max_concurrent_streams google.protobuf.UInt32Value lte=2147483647 gte=1
3 initial_stream_window_size google.protobuf.UInt32Value lte=2147483647 gte=65535
4 initial_connection_window_size google.protobuf.UInt32Value lte=2147483647 gte=65535
5 allow_connect bool
7 max_outbound_frames google.protobuf.UInt32Value gte=1
8 max_outbound_control_frames google.protobuf.UInt32Value gte=1
9 max_consecutive_inbound_frames_with_empty_payload google.protobuf.UInt32Value
10 max_inbound_priority_frames_per_stream google.protobuf.UInt32Value
11 max_inbound_window_update_frames_per_data_frame_sent google.protobuf.UInt32Value gte=1
14 override_stream_error_on_invalid_http_message google.protobuf.BoolValue
15 connection_keepalive envoy.config.core.v3.KeepaliveSettings
- 6:allow_metadata 12:stream_error_on_invalid_http_messaging! 13:custom_settings_parameters 16:use_oghttp2_codec 17:max_metadata_size
m envoy.config.core.v3.SchemeHeaderTransformation
1 scheme_to_overwrite string @transformation in=http,https
2 match_upstream bool
m envoy.config.core.v3.DnsResolverOptions
1 use_tcp_for_dns_lookups bool
2 no_default_search_domain bool
m envoy.config.core.v3.SocketOption
1 description string
2 level int64
3 name int64
4 int_value int64 @value
5 buf_value bytes @value
6 state =envoy.config.core.v3.SocketOption.SocketState
o value
- 7:type
e envoy.config.core.v3.SocketOption.SocketState
0 STATE_PREBIND
1 STATE_BOUND
2 STATE_LISTENING
m envoy.config.core.v3.SocketOptionsOverride
1 socket_options *envoy.config.core.v3.SocketOption
m envoy.config.core.v3.SubstitutionFormatString
1 text_format string @format
2 json_format google.protobuf.Struct @format required
5 text_format_source envoy.config.core.v3.DataSource @format
3 omit_empty_values bool
4 content_type string loose_header_value
o format
- 6:formatters 7:json_format_options
m envoy.config.endpoint.v3.ClusterLoadAssignment
1 cluster_name string min=1
2 endpoints *envoy.config.endpoint.v3.LocalityLbEndpoints
- 5:named_endpoints 4:policy
m envoy.config.endpoint.v3.Endpoint
1 address envoy.config.core.v3.Address
3 hostname string
- 2:health_check_config 4:additional_addresses
m envoy.config.endpoint.v3.LbEndpoint
1 endpoint envoy.config.endpoint.v3.Endpoint @host_identifier
2 health_status =envoy.config.core.v3.HealthStatus
3 metadata envoy.config.core.v3.Metadata
4 load_balancing_weight google.protobuf.UInt32Value gte=1
- 5:endpoint_name
m envoy.config.endpoint.v3.LocalityLbEndpoints
1 locality envoy.config.core.v3.Locality
9 metadata envoy.config.core.v3.Metadata
2 lb_endpoints *envoy.config.endpoint.v3.LbEndpoint
3 load_balancing_weight google.protobuf.UInt32Value gte=1
5 priority uint32 lte=128
- 7:load_balancer_endpoints! 8:leds_cluster_locality_config 6:proximity
m envoy.config.listener.v3.AdditionalAddress
1 address envoy.config.core.v3.Address
2 socket_options envoy.config.core.v3.SocketOptionsOverride
m envoy.config.listener.v3.Listener
1 name string
2 address envoy.config.core.v3.Address
33 additional_addresses *envoy.config.listener.v3.AdditionalAddress
28 stat_prefix string
3 filter_chains *envoy.config.listener.v3.FilterChain
4 use_original_dst google.protobuf.BoolValue
25 default_filter_chain envoy.config.listener.v3.FilterChain
5 per_connection_buffer_limit_bytes google.protobuf.UInt32Value
6 metadata envoy.config.core.v3.Metadata
8 drain_type =envoy.config.listener.v3.Listener.DrainType
9 listener_filters *envoy.config.listener.v3.ListenerFilter
15 listener_filters_timeout google.protobuf.Duration
17 continue_on_listener_filters_timeout bool
10 transparent google.protobuf.BoolValue
11 freebind google.protobuf.BoolValue
13 socket_options *envoy.config.core.v3.SocketOption
16 traffic_direction =envoy.config.core.v3.TrafficDirection
20 connection_balance_config envoy.config.listener.v3.Listener.ConnectionBalanceConfig
29 enable_reuse_port google.protobuf.BoolValue
22 access_log *envoy.config.accesslog.v3.AccessLog
24 tcp_backlog_size google.protobuf.UInt32Value
34 max_connections_to_accept_per_socket_event google.protobuf.UInt32Value gt=0
26 bind_to_port google.protobuf.BoolValue
31 ignore_global_conn_limit bool
- 36:fcds_config 32:filter_chain_matcher 7:deprecated_v1! 12:tcp_fast_open_queue_length 18:udp_listener_config 19:api_listener 21:reuse_port! 27:internal_listener 30:enable_mptcp 35:bypass_overload_manager
m envoy.config.listener.v3.Listener.ConnectionBalanceConfig
1 exact_balance envoy.config.listener.v3.Listener.ConnectionBalanceConfig.ExactBalance @balance_type
o balance_type
- 2:extend_balance
m envoy.config.listener.v3.Listener.ConnectionBalanceConfig.ExactBalance
e envoy.config.listener.v3.Listener.DrainType
0 DEFAULT
1 MODIFY_ONLY
m envoy.config.listener.v3.Filter
1 name string min=1
4 typed_config google.protobuf.Any @config_type
- 5:config_discovery
m envoy.config.listener.v3.FilterChainMatch
8 destination_port google.protobuf.UInt32Value lte=65535 gte=1
3 prefix_ranges *envoy.config.core.v3.CidrRange
13 direct_source_prefix_ranges *envoy.config.core.v3.CidrRange
12 source_type =envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType
6 source_prefix_ranges *envoy.config.core.v3.CidrRange
7 source_ports *uint32 item.lte=65535 item.gte=1
11 server_names *string
9 transport_protocol string
10 application_protocols *string
- 4:address_suffix 5:suffix_len
e envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType
0 ANY
1 SAME_IP_OR_LOOPBACK
2 EXTERNAL
m envoy.config.listener.v3.FilterChain
1 filter_chain_match envoy.config.listener.v3.FilterChainMatch
3 filters *envoy.config.listener.v3.Filter
5 metadata envoy.config.core.v3.Metadata
6 transport_socket envoy.config.core.v3.TransportSocket
9 transport_socket_connect_timeout google.protobuf.Duration
7 name string
- 4:use_proxy_proto!
m envoy.config.listener.v3.ListenerFilterChainMatchPredicate
1 or_match envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet @rule
2 and_match envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet @rule
3 not_match envoy.config.listener.v3.ListenerFilterChainMatchPredicate @rule
4 any_match bool @rule const=true
5 destination_port_range envoy.type.v3.Int32Range @rule
o rule
m envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet
1 rules *envoy.config.listener.v3.ListenerFilterChainMatchPredicate min_items=2
m envoy.config.listener.v3.ListenerFilter
1 name string min=1
3 typed_config google.protobuf.Any @config_type
4 filter_disabled envoy.config.listener.v3.ListenerFilterChainMatchPredicate
- 5:config_discovery
m envoy.config.metrics.v3.StatsConfig
1 stats_tags *envoy.config.metrics.v3.TagSpecifier
2 use_all_default_tags google.protobuf.BoolValue
3 stats_matcher envoy.config.metrics.v3.StatsMatcher
- 4:histogram_bucket_settings
m envoy.config.metrics.v3.StatsMatcher
1 reject_all bool @stats_matcher
2 exclusion_list envoy.type.matcher.v3.ListStringMatcher @stats_matcher
3 inclusion_list envoy.type.matcher.v3.ListStringMatcher @stats_matcher
o stats_matcher
m envoy.config.metrics.v3.TagSpecifier
1 tag_name string
2 regex string @tag_value max=1024
3 fixed_value string @tag_value
m envoy.config.route.v3.RouteConfiguration
1 name string
2 virtual_hosts *envoy.config.route.v3.VirtualHost
3 internal_only_headers *string item.loose_header_name
4 response_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
5 response_headers_to_remove *string item.loose_header_name
6 request_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
8 request_headers_to_remove *string item.loose_header_name
10 most_specific_header_mutations_wins bool
7 validate_clusters google.protobuf.BoolValue
12 cluster_specifier_plugins *envoy.config.route.v3.ClusterSpecifierPlugin
11 max_direct_response_body_size_bytes google.protobuf.UInt32Value
14 ignore_port_in_host_matching bool
15 ignore_path_parameters_in_path_matching bool
16 typed_per_filter_config map<string,google.protobuf.Any>
17 metadata envoy.config.core.v3.Metadata
- 9:vhds 13:request_mirror_policies 18:vhost_header
m envoy.config.route.v3.VirtualHost
1 name string min=1
2 domains *string min_items=1 item.loose_header_value
3 routes *envoy.config.route.v3.Route
4 require_tls =envoy.config.route.v3.VirtualHost.TlsRequirementType
5 virtual_clusters *envoy.config.route.v3.VirtualCluster
7 request_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
13 request_headers_to_remove *string item.min=1 item.loose_header_name
10 response_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
11 response_headers_to_remove *string item.min=1 item.loose_header_name
15 typed_per_filter_config map<string,google.protobuf.Any>
14 include_request_attempt_count bool
19 include_attempt_count_in_response bool
25 request_body_buffer_limit google.protobuf.UInt64Value
24 metadata envoy.config.core.v3.Metadata
- 21:matcher 6:rate_limits 8:cors! 16:retry_policy 20:retry_policy_typed_config 17:hedge_policy 23:include_is_timeout_retry_header 18:per_request_buffer_limit_bytes! 22:request_mirror_policies
e envoy.config.route.v3.VirtualHost.TlsRequirementType
0 NONE
1 EXTERNAL_ONLY
2 ALL
m envoy.config.route.v3.VirtualCluster
4 headers *envoy.config.route.v3.HeaderMatcher
2 name string min=1
m envoy.config.route.v3.Route
14 name string
1 match envoy.config.route.v3.RouteMatch required
2 route envoy.config.route.v3.RouteAction @action
3 redirect envoy.config.route.v3.RedirectAction @action
7 direct_response envoy.config.route.v3.DirectResponseAction @action
4 metadata envoy.config.core.v3.Metadata
13 typed_per_filter_config map<string,google.protobuf.Any>
9 request_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
12 request_headers_to_remove *string item.min=1 item.loose_header_name
10 response_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
11 response_headers_to_remove *string item.min=1 item.loose_header_name
20 request_body_buffer_limit google.protobuf.UInt64Value
o action
- 17:filter_action 18:non_forwarding_action 5:decorator 15:tracing 16:per_request_buffer_limit_bytes! 19:stat_prefix
m envoy.config.route.v3.WeightedCluster
1 clusters *envoy.config.route.v3.WeightedCluster.ClusterWeight min_items=1
- 3:total_weight! 2:runtime_key_prefix 4:header_name 5:use_hash_policy
m envoy.config.route.v3.WeightedCluster.ClusterWeight
1 name string
12 cluster_header string loose_header_name
2 weight google.protobuf.UInt32Value
4 request_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
9 request_headers_to_remove *string item.loose_header_name
5 response_headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
6 response_headers_to_remove *string item.loose_header_name
10 typed_per_filter_config map<string,google.protobuf.Any>
11 host_rewrite_literal string @host_rewrite_specifier loose_header_value
- 3:metadata_match
m envoy.config.route.v3.RouteMatch
1 prefix string @path_specifier
2 path string @path_specifier
10 safe_regex envoy.type.matcher.v3.RegexMatcher @path_specifier required
14 path_separated_prefix string @path_specifier path_prefix
4 case_sensitive google.protobuf.BoolValue
9 runtime_fraction envoy.config.core.v3.RuntimeFractionalPercent
6 headers *envoy.config.route.v3.HeaderMatcher
7 query_parameters *envoy.config.route.v3.QueryParameterMatcher
8 grpc envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions
o path_specifier
- 12:connect_matcher 15:path_match_policy 11:tls_context 13:dynamic_metadata 16:filter_state
m envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions
m envoy.config.route.v3.ClusterSpecifierPlugin
1 extension envoy.config.core.v3.TypedExtensionConfig required
2 is_optional bool
m envoy.config.route.v3.RouteAction
1 cluster string @cluster_specifier min=1
2 cluster_header string @cluster_specifier min=1 loose_header_name
3 weighted_clusters envoy.config.route.v3.WeightedCluster @cluster_specifier
37 cluster_specifier_plugin string @cluster_specifier
39 inline_cluster_specifier_plugin envoy.config.route.v3.ClusterSpecifierPlugin @cluster_specifier
20 cluster_not_found_response_code =envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode
5 prefix_rewrite string loose_header_value
32 regex_rewrite envoy.type.matcher.v3.RegexMatchAndSubstitute
6 host_rewrite_literal string @host_rewrite_specifier loose_header_value
7 auto_host_rewrite google.protobuf.BoolValue @host_rewrite_specifier
29 host_rewrite_header string @host_rewrite_specifier loose_header_name
35 host_rewrite_path_regex envoy.type.matcher.v3.RegexMatchAndSubstitute @host_rewrite_specifier
38 append_x_forwarded_host bool
8 timeout google.protobuf.Duration
24 idle_timeout google.protobuf.Duration
11 priority =envoy.config.core.v3.RoutingPriority
25 upgrade_configs *envoy.config.route.v3.RouteAction.UpgradeConfig
36 max_stream_duration envoy.config.route.v3.RouteAction.MaxStreamDuration
o cluster_specifier
- 4:metadata_match 41:path_rewrite_policy 45:path_rewrite 44:host_rewrite 42:flush_timeout 40:early_data_policy 9:retry_policy 33:retry_policy_typed_config 30:request_mirror_policies 13:rate_limits 14:include_vh_rate_limits! 15:hash_policy 17:cors! 23:max_grpc_timeout! 28:grpc_timeout_offset! 34:internal_redirect_policy 26:internal_redirect_action! 31:max_internal_redirects! 27:hedge_policy
m envoy.config.route.v3.RouteAction.UpgradeConfig
1 upgrade_type string min=1 loose_header_value
2 enabled google.protobuf.BoolValue
- 3:connect_config
m envoy.config.route.v3.RouteAction.MaxStreamDuration
1 max_stream_duration google.protobuf.Duration
2 grpc_timeout_header_max google.protobuf.Duration
3 grpc_timeout_header_offset google.protobuf.Duration
e envoy.config.route.v3.RouteAction.ClusterNotFoundResponseCode
0 SERVICE_UNAVAILABLE
1 NOT_FOUND
2 INTERNAL_SERVER_ERROR
m envoy.config.route.v3.RedirectAction
4 https_redirect bool @scheme_rewrite_specifier
7 scheme_redirect string @scheme_rewrite_specifier
1 host_redirect string loose_header_value
8 port_redirect uint32
2 path_redirect string @path_rewrite_specifier loose_header_value
5 prefix_rewrite string @path_rewrite_specifier loose_header_value
9 regex_rewrite envoy.type.matcher.v3.RegexMatchAndSubstitute @path_rewrite_specifier
3 response_code =envoy.config.route.v3.RedirectAction.RedirectResponseCode
6 strip_query bool
e envoy.config.route.v3.RedirectAction.RedirectResponseCode
0 MOVED_PERMANENTLY
1 FOUND
2 SEE_OTHER
3 TEMPORARY_REDIRECT
4 PERMANENT_REDIRECT
m envoy.config.route.v3.DirectResponseAction
1 status uint32 lt=600 gte=200
2 body envoy.config.core.v3.DataSource
3 body_format envoy.config.core.v3.SubstitutionFormatString
m envoy.config.route.v3.HeaderMatcher
1 name string min=1 loose_header_name
4 exact_match string @header_match_specifier
11 safe_regex_match envoy.type.matcher.v3.RegexMatcher @header_match_specifier
6 range_match envoy.type.v3.Int64Range @header_match_specifier
7 present_match bool @header_match_specifier
9 prefix_match string @header_match_specifier min=1
10 suffix_match string @header_match_specifier min=1
12 contains_match string @header_match_specifier min=1
13 string_match envoy.type.matcher.v3.StringMatcher @header_match_specifier
8 invert_match bool
14 treat_missing_header_as_empty bool
m envoy.config.route.v3.QueryParameterMatcher
1 name string min=1 max=1024
5 string_match envoy.type.matcher.v3.StringMatcher @query_parameter_match_specifier required
6 present_match bool @query_parameter_match_specifier
m envoy.config.route.v3.FilterConfig
1 config google.protobuf.Any
2 is_optional bool
3 disabled bool
m envoy.extensions.access_loggers.file.v3.FileAccessLog
1 path string min=1
2 format string @access_log_format
3 json_format google.protobuf.Struct @access_log_format
4 typed_json_format google.protobuf.Struct @access_log_format
5 log_format envoy.config.core.v3.SubstitutionFormatString @access_log_format required
m envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
1 log_format envoy.config.core.v3.SubstitutionFormatString @access_log_format required
m envoy.extensions.access_loggers.stream.v3.StderrAccessLog
1 log_format envoy.config.core.v3.SubstitutionFormatString @access_log_format required
m envoy.extensions.filters.http.header_mutation.v3.Mutations
1 request_mutations *envoy.config.common.mutation_rules.v3.HeaderMutation
2 response_mutations *envoy.config.common.mutation_rules.v3.HeaderMutation
- 3:query_parameter_mutations 4:response_trailers_mutations 5:request_trailers_mutations
m envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute
1 mutations envoy.extensions.filters.http.header_mutation.v3.Mutations
m envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
1 mutations envoy.extensions.filters.http.header_mutation.v3.Mutations
2 most_specific_header_mutations_wins bool
m envoy.extensions.filters.http.lua.v3.Lua
1 inline_code string
2 source_codes map<string,envoy.config.core.v3.DataSource>
3 default_source_code envoy.config.core.v3.DataSource
4 stat_prefix string
5 clear_route_cache google.protobuf.BoolValue
6 filter_context google.protobuf.Struct
7 package_paths *string
8 package_cpaths *string
9 shared_vm_id string
m envoy.extensions.filters.http.lua.v3.LuaPerRoute
1 disabled bool @override const=true
2 name string @override min=1
3 source_code envoy.config.core.v3.DataSource @override
4 filter_context google.protobuf.Struct
5 package_paths *string
6 package_cpaths *string
7 shared_vm_id string
m envoy.extensions.filters.http.router.v3.Router
1 dynamic_stats google.protobuf.BoolValue
4 suppress_envoy_headers bool
6 respect_expected_rq_timeout bool
- 2:start_child_span! 3:upstream_log 9:upstream_log_options 5:strict_check_headers 7:suppress_grpc_request_failure_code_stats 8:upstream_http_filters
m envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec
m envoy.extensions.filters.listener.http_inspector.v3.HttpInspector
m envoy.extensions.filters.listener.original_dst.v3.OriginalDst
m envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol
1 rules *envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule
2 allow_requests_without_proxy_protocol bool
- 3:pass_through_tlvs 4:disallowed_versions 5:stat_prefix 6:tlv_location
m envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair
1 metadata_namespace string
2 key string min=1
m envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule
1 tlv_type uint32 lt=256
2 on_tlv_present envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair
m envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
2 initial_read_buffer_size google.protobuf.UInt32Value lt=65537 gt=255
- 1:enable_ja3_fingerprinting 3:enable_ja4_fingerprinting 4:close_connection_on_client_hello_parsing_errors 5:max_client_hello_size
m envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
1 codec_type =envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType
2 stat_prefix string min=1
3 rds envoy.extensions.filters.network.http_connection_manager.v3.Rds @route_specifier
4 route_config envoy.config.route.v3.RouteConfiguration @route_specifier
5 http_filters *envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter
6 add_user_agent google.protobuf.BoolValue
35 common_http_protocol_options envoy.config.core.v3.HttpProtocolOptions
8 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions
9 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions
10 server_name string loose_header_value
34 server_header_transformation =envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ServerHeaderTransformation
48 scheme_header_transformation envoy.config.core.v3.SchemeHeaderTransformation
29 max_request_headers_kb google.protobuf.UInt32Value lte=8192 gt=0
24 stream_idle_timeout google.protobuf.Duration
59 stream_flush_timeout google.protobuf.Duration
28 request_timeout google.protobuf.Duration
41 request_headers_timeout google.protobuf.Duration gte=0s
12 drain_timeout google.protobuf.Duration
26 delayed_close_timeout google.protobuf.Duration
13 access_log *envoy.config.accesslog.v3.AccessLog
14 use_remote_address google.protobuf.BoolValue
19 xff_num_trusted_hops uint32
25 internal_address_config envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig
21 skip_xff_append bool
22 via string loose_header_value
15 generate_request_id google.protobuf.BoolValue
32 preserve_external_request_id bool
37 always_set_request_id_in_response bool
16 forward_client_cert_details =envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertDetails
17 set_current_client_cert_details envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails
18 proxy_100_continue bool
23 upgrade_configs *envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig
30 normalize_path google.protobuf.BoolValue
33 merge_slashes bool
45 path_with_escaped_slashes_action =envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathWithEscapedSlashesAction
38 local_reply_config envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig
39 strip_matching_host_port bool
42 strip_any_host_port bool @strip_port_mode
40 stream_error_on_invalid_http_message google.protobuf.BoolValue
47 strip_trailing_host_dot bool
o route_specifier
- 31:scoped_routes 7:tracing 58:http1_safe_max_connection_duration 44:http3_protocol_options 54:access_log_flush_interval! 55:flush_access_log_on_new_request! 56:access_log_options 46:original_ip_detection_extensions 52:early_header_mutation_extensions 60:forward_client_cert_matcher 20:represent_ipv4_remote_address_as_ipv4_mapped_ipv6 36:request_id_extension 43:path_normalization_options 49:proxy_status_config 50:typed_header_validation_config 51:append_x_forwarded_port 57:append_local_overload 53:add_proxy_protocol_connection_state
m envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.InternalAddressConfig
1 unix_sockets bool
2 cidr_ranges *envoy.config.core.v3.CidrRange
m envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig
1 upgrade_type string
3 enabled google.protobuf.BoolValue
- 2:filters
m envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails
1 subject google.protobuf.BoolValue
3 cert bool
6 chain bool
4 dns bool
5 uri bool
e envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertDetails
0 SANITIZE
1 FORWARD_ONLY
2 APPEND_FORWARD
3 SANITIZE_SET
4 ALWAYS_FORWARD_ONLY
e envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType
0 AUTO
1 HTTP1
2 HTTP2
- 3:HTTP3
e envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ServerHeaderTransformation
0 OVERWRITE
1 APPEND_IF_ABSENT
2 PASS_THROUGH
e envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathWithEscapedSlashesAction
0 IMPLEMENTATION_SPECIFIC_DEFAULT
1 KEEP_UNCHANGED
2 REJECT_REQUEST
3 UNESCAPE_AND_REDIRECT
4 UNESCAPE_AND_FORWARD
m envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig
1 mappers *envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper
2 body_format envoy.config.core.v3.SubstitutionFormatString
m envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper
1 filter envoy.config.accesslog.v3.AccessLogFilter required
2 status_code google.protobuf.UInt32Value lt=600 gte=200
3 body envoy.config.core.v3.DataSource
4 body_format_override envoy.config.core.v3.SubstitutionFormatString
5 headers_to_add *envoy.config.core.v3.HeaderValueOption max_items=1000
m envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter
1 name string min=1
4 typed_config google.protobuf.Any @config_type
6 is_optional bool
7 disabled bool
- 5:config_discovery
m envoy.extensions.filters.network.http_connection_manager.v3.Rds
1 config_source envoy.config.core.v3.ConfigSource
2 route_config_name string
m envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
1 stat_prefix string min=1
2 cluster string @cluster_specifier
10 weighted_clusters envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster @cluster_specifier
8 idle_timeout google.protobuf.Duration
5 access_log *envoy.config.accesslog.v3.AccessLog
7 max_connect_attempts google.protobuf.UInt32Value gte=1
13 max_downstream_connection_duration google.protobuf.Duration gte=0.001s
o cluster_specifier
- 14:on_demand 9:metadata_match 3:downstream_idle_timeout 4:upstream_idle_timeout 18:backoff_options 11:hash_policy 12:tunneling_config 20:max_downstream_connection_duration_jitter_percentage 15:access_log_flush_interval! 16:flush_access_log_on_connected! 17:access_log_options 19:proxy_protocol_tlvs 21:upstream_connect_mode 22:max_early_data_bytes
m envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster
1 clusters *envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight min_items=1
m envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight
1 name string min=1
2 weight uint32 gte=1
- 3:metadata_match
m envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
1 resolvers *envoy.config.core.v3.Address
3 use_resolvers_as_fallback bool
2 dns_resolver_options envoy.config.core.v3.DnsResolverOptions
6 query_timeout_seconds google.protobuf.UInt64Value gte=1
7 query_tries google.protobuf.UInt32Value gte=1
- 4:filter_unroutable_families 5:udp_max_queries 8:rotate_nameservers 9:edns0_max_payload_size 10:max_udp_channel_duration 11:reinit_channel_on_timeout
m envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig
1 source_code envoy.config.core.v3.DataSource required
2 default_cluster string
m envoy.extensions.string_matcher.lua.v3.Lua
1 source_code envoy.config.core.v3.DataSource required
m envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer
m envoy.extensions.transport_sockets.tls.v3.TlsParameters
1 tls_minimum_protocol_version =envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol
2 tls_maximum_protocol_version =envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol
3 cipher_suites *string
4 ecdh_curves *string
- 5:signature_algorithms 6:compliance_policies
e envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol
0 TLS_AUTO
3 TLSv1_2
4 TLSv1_3
- 1:TLSv1_0 2:TLSv1_1
m envoy.extensions.transport_sockets.tls.v3.TlsCertificate
1 certificate_chain envoy.config.core.v3.DataSource
2 private_key envoy.config.core.v3.DataSource
3 password envoy.config.core.v3.DataSource
7 watched_directory envoy.config.core.v3.WatchedDirectory
- 8:pkcs12 6:private_key_provider 4:ocsp_staple 5:signed_certificate_timestamp
m envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher
1 san_type =envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType not_in=0
2 matcher envoy.type.matcher.v3.StringMatcher required
- 3:oid
e envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType
0 SAN_TYPE_UNSPECIFIED
1 EMAIL
2 DNS
3 URI
4 IP_ADDRESS
- 5:OTHER_NAME
m envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext
1 trusted_ca envoy.config.core.v3.DataSource
11 watched_directory envoy.config.core.v3.WatchedDirectory
3 verify_certificate_spki *string item.min=44 item.max=44
2 verify_certificate_hash *string item.min=64 item.max=95
15 match_typed_subject_alt_names *envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher
9 match_subject_alt_names *envoy.type.matcher.v3.StringMatcher
10 trust_chain_verification =envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.TrustChainVerification
- 13:ca_certificate_provider_instance 17:system_root_certs 6:require_signed_certificate_timestamp 7:crl 8:allow_expired_certificate 12:custom_validator_config 14:only_verify_leaf_cert_crl 16:max_verify_depth
e envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.TrustChainVerification
0 VERIFY_TRUST_CHAIN
1 ACCEPT_UNTRUSTED
m envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig
1 name string min=1
2 sds_config envoy.config.core.v3.ConfigSource
m envoy.extensions.transport_sockets.tls.v3.Secret
1 name string
2 tls_certificate envoy.extensions.transport_sockets.tls.v3.TlsCertificate @type
4 validation_context envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext @type
- 3:session_ticket_keys 5:generic_secret
m envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
1 common_tls_context envoy.extensions.transport_sockets.tls.v3.CommonTlsContext
2 sni string max=255
6 auto_host_sni bool
- 7:auto_sni_san_validation 3:allow_renegotiation 4:max_session_keys 5:enforce_rsa_key_usage
m envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
1 common_tls_context envoy.extensions.transport_sockets.tls.v3.CommonTlsContext
2 require_client_certificate google.protobuf.BoolValue
7 disable_stateless_session_resumption bool @session_ticket_keys_type
10 disable_stateful_session_resumption bool
- 3:require_sni 4:session_ticket_keys 5:session_ticket_keys_sds_secret_config 6:session_timeout 8:ocsp_staple_policy 9:full_scan_certs_on_sni_mismatch 11:prefer_client_ciphers
m envoy.extensions.transport_sockets.tls.v3.CommonTlsContext
1 tls_params envoy.extensions.transport_sockets.tls.v3.TlsParameters
2 tls_certificates *envoy.extensions.transport_sockets.tls.v3.TlsCertificate
6 tls_certificate_sds_secret_configs *envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig
3 validation_context envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext @validation_context_type
7 validation_context_sds_secret_config envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig @validation_context_type
8 combined_validation_context envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext @validation_context_type
4 alpn_protocols *string
- 14:tls_certificate_provider_instance 16:custom_tls_certificate_selector 9:tls_certificate_certificate_provider! 11:tls_certificate_certificate_provider_instance! 10:validation_context_certificate_provider! 12:validation_context_certificate_provider_instance! 13:custom_handshaker 15:key_log
m envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext
1 default_validation_context envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext required
2 validation_context_sds_secret_config envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig required
- 3:validation_context_certificate_provider! 4:validation_context_certificate_provider_instance!
m envoy.extensions.upstreams.http.v3.HttpProtocolOptions
1 common_http_protocol_options envoy.config.core.v3.HttpProtocolOptions
2 upstream_http_protocol_options envoy.config.core.v3.UpstreamHttpProtocolOptions
3 explicit_http_config envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig @upstream_protocol_options
4 use_downstream_protocol_config envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig @upstream_protocol_options
5 auto_config envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig @upstream_protocol_options
6 http_filters *envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter
o upstream_protocol_options
- 7:header_validation_config 8:outlier_detection 9:request_mirror_policies 10:hash_policy 11:retry_policy
m envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig
1 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions @protocol_config
2 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions @protocol_config
o protocol_config
- 3:http3_protocol_options
m envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig
1 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions
2 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions
- 3:http3_protocol_options
m envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig
1 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions
2 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions
- 3:http3_protocol_options 4:alternate_protocols_cache_options
m envoy.service.discovery.v3.DiscoveryRequest
1 version_info string
2 node envoy.config.core.v3.Node
3 resource_names *string
4 type_url string
5 response_nonce string
6 error_detail google.rpc.Status
- 7:resource_locators
m envoy.service.discovery.v3.DiscoveryResponse
1 version_info string
2 resources *google.protobuf.Any
4 type_url string
5 nonce string
6 control_plane envoy.config.core.v3.ControlPlane
- 3:canary 7:resource_errors
m envoy.service.discovery.v3.DeltaDiscoveryRequest
1 node envoy.config.core.v3.Node
2 type_url string
3 resource_names_subscribe *string
4 resource_names_unsubscribe *string
5 initial_resource_versions map<string,string>
6 response_nonce string
7 error_detail google.rpc.Status
- 8:resource_locators_subscribe 9:resource_locators_unsubscribe
m envoy.service.discovery.v3.DeltaDiscoveryResponse
1 system_version_info string
2 resources *envoy.service.discovery.v3.Resource
4 type_url string
6 removed_resources *string
5 nonce string
7 control_plane envoy.config.core.v3.ControlPlane
- 8:removed_resource_names 9:resource_errors
m envoy.service.discovery.v3.Resource
3 name string
4 aliases *string
1 version string
2 resource google.protobuf.Any
6 ttl google.protobuf.Duration
- 8:resource_name 7:cache_control 9:metadata
m envoy.type.matcher.v3.RegexMatcher
1 google_re2 envoy.type.matcher.v3.RegexMatcher.GoogleRE2 @engine_type
2 regex string min=1
m envoy.type.matcher.v3.RegexMatcher.GoogleRE2
- 1:max_program_size!
m envoy.type.matcher.v3.RegexMatchAndSubstitute
1 pattern envoy.type.matcher.v3.RegexMatcher required
2 substitution string loose_header_value
m envoy.type.matcher.v3.StringMatcher
1 exact string @match_pattern
2 prefix string @match_pattern min=1
3 suffix string @match_pattern min=1
5 safe_regex envoy.type.matcher.v3.RegexMatcher @match_pattern required
7 contains string @match_pattern min=1
8 custom xds.core.v3.TypedExtensionConfig @match_pattern
6 ignore_case bool
o match_pattern
m envoy.type.matcher.v3.ListStringMatcher
1 patterns *envoy.type.matcher.v3.StringMatcher min_items=1
m envoy.type.v3.Percent
1 value double lte=100 gte=0
m envoy.type.v3.FractionalPercent
1 numerator uint32
2 denominator =envoy.type.v3.FractionalPercent.DenominatorType
e envoy.type.v3.FractionalPercent.DenominatorType
0 HUNDRED
1 TEN_THOUSAND
2 MILLION
m envoy.type.v3.Int64Range
1 start int64
2 end int64
m envoy.type.v3.Int32Range
1 start int32
2 end int32
m google.rpc.Status
1 code int32
2 message string
- 3:details
m heddle.filters.http.body_route.v1.BodyRoute
1 fields *heddle.filters.http.body_route.v1.Field
2 scan_limit_bytes google.protobuf.UInt32Value
3 on_overflow =heddle.filters.http.body_route.v1.BodyRoute.Overflow
4 on_duplicate =heddle.filters.http.body_route.v1.BodyRoute.Duplicate
5 reject_invalid bool
6 ignore_content_type bool
7 keep_route bool
8 stat_prefix string
e heddle.filters.http.body_route.v1.BodyRoute.Overflow
0 IGNORE_BODY
1 USE_FOUND
2 PAYLOAD_TOO_LARGE
e heddle.filters.http.body_route.v1.BodyRoute.Duplicate
0 BAD_REQUEST
1 NO_VALUE
2 FIRST_VALUE
m heddle.filters.http.body_route.v1.Field
1 json_pointer string @place
2 form_field string @place
3 grpc_field string @place
4 header string
5 metadata heddle.filters.http.body_route.v1.MetadataKey
6 required bool
7 max_bytes google.protobuf.UInt32Value
m heddle.filters.http.body_route.v1.MetadataKey
1 filter string
2 key string
m heddle.filters.http.body_route.v1.BodyRoutePerRoute
1 disabled bool @override
2 config heddle.filters.http.body_route.v1.BodyRoute @override
m heddle.filters.http.explain.v1.Explain
1 request_header string
2 allowed_cidrs *envoy.config.core.v3.CidrRange
m heddle.filters.http.lua.v1.LuaFilter
1 lua envoy.extensions.filters.http.lua.v3.Lua
2 trust =heddle.filters.http.lua.v1.LuaFilter.TrustLevel
3 limits heddle.filters.http.lua.v1.LuaFilter.Limits
4 on_error =heddle.filters.http.lua.v1.LuaFilter.OnError
5 answer heddle.filters.http.lua.v1.LuaFilter.Answer
6 kills_before_detach uint32
7 module_path string
10 reload_interval google.protobuf.Duration
11 version string
12 sha256 string
13 settings_schema envoy.config.core.v3.DataSource
14 cases string
15 candidate heddle.filters.http.lua.v1.LuaFilter.Candidate
m heddle.filters.http.lua.v1.LuaFilter.Limits
1 memory_bytes uint64
2 fuel uint64
3 cpu_time google.protobuf.Duration
4 time_slice google.protobuf.Duration
m heddle.filters.http.lua.v1.LuaFilter.Answer
1 status uint32
2 body string
3 headers map<string,string>
m heddle.filters.http.lua.v1.LuaFilter.Candidate
1 version string
2 source_code envoy.config.core.v3.DataSource
3 sha256 string
4 filter_context google.protobuf.Struct
5 settings_schema envoy.config.core.v3.DataSource
6 cases string
7 limits heddle.filters.http.lua.v1.LuaFilter.Limits
8 percent double
9 min_requests uint32
10 max_error_ratio_increase google.protobuf.DoubleValue
11 max_kills google.protobuf.UInt32Value
12 max_latency_ratio google.protobuf.DoubleValue
e heddle.filters.http.lua.v1.LuaFilter.TrustLevel
0 SANDBOXED
1 TRUSTED
e heddle.filters.http.lua.v1.LuaFilter.OnError
0 CONTINUE
1 FAIL_CLOSED
2 ANSWER
m heddle.router.cluster_specifiers.lua.v1.LuaClusterSpecifier
1 lua envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig
2 trust =heddle.filters.http.lua.v1.LuaFilter.TrustLevel
3 limits heddle.filters.http.lua.v1.LuaFilter.Limits
4 on_error =heddle.router.cluster_specifiers.lua.v1.LuaClusterSpecifier.OnError
5 kills_before_detach uint32
e heddle.router.cluster_specifiers.lua.v1.LuaClusterSpecifier.OnError
0 DEFAULT_CLUSTER
1 FAIL_CLOSED
m heddle.string_matcher.lua.v1.LuaStringMatcher
1 lua envoy.extensions.string_matcher.lua.v3.Lua
2 trust =heddle.filters.http.lua.v1.LuaFilter.TrustLevel
3 limits heddle.filters.http.lua.v1.LuaFilter.Limits
4 on_error =heddle.string_matcher.lua.v1.LuaStringMatcher.OnError
5 kills_before_detach uint32
e heddle.string_matcher.lua.v1.LuaStringMatcher.OnError
0 NO_MATCH
1 MATCH
m xds.core.v3.TypedExtensionConfig
1 name string min=1
2 typed_config google.protobuf.Any required
t envoy.config.accesslog.v2 CommonGrpcAccessLogConfig FileAccessLog HttpGrpcAccessLogConfig TcpGrpcAccessLogConfig
t envoy.config.accesslog.v3 ExtensionFilter LogTypeFilter MetadataFilter RuntimeFilter TraceableFilter
t envoy.config.bootstrap.v2 Admin Bootstrap ClusterManager LayeredRuntime Runtime RuntimeLayer Watchdog
t envoy.config.bootstrap.v3 ClusterManager CustomInlineHeader FatalAction MemoryAllocatorManager Runtime Watchdog Watchdogs
t envoy.config.cluster.aggregate.v2alpha ClusterConfig
t envoy.config.cluster.dynamic_forward_proxy.v2alpha ClusterConfig
t envoy.config.cluster.redis RedisClusterConfig
t envoy.config.cluster.v3 ClusterCollection LoadBalancingPolicy OutlierDetection TrackClusterStats
t envoy.config.common.dynamic_forward_proxy.v2alpha DnsCacheConfig
t envoy.config.common.key_value.v3 KeyValueStoreConfig
t envoy.config.common.matcher.v3 HttpGenericBodyMatch HttpHeadersMatch MatchPredicate Matcher
t envoy.config.common.mutation_rules.v3 HeaderMutationRules
t envoy.config.common.tap.v2alpha AdminConfig CommonExtensionConfig
t envoy.config.core.v3 AlternateProtocolsCacheOptions AsyncDataSource BackoffStrategy BuildVersion CelExpressionConfig DnsResolutionConfig EnvoyInternalAddress EventServiceConfig Extension ExtensionConfigSource ExtraSourceAddress GrpcMethodList GrpcProtocolOptions HeaderMap HealthCheck HealthStatusSet Http3ProtocolOptions HttpService HttpUri JsonFormatOptions KeyValue KeyValueAppend KeyValueMutation KeyValuePair PerHostConfig ProxyProtocolConfig ProxyProtocolPassThroughTLVs QueryParameter QuicKeepAliveSettings QuicProtocolOptions RemoteDataSource RetryPolicy RuntimeDouble RuntimeFeatureFlag RuntimePercent SelfConfigSource SocketCmsgHeaders TcpProtocolOptions TlvEntry UdpSocketConfig
t envoy.config.endpoint.v3 ClusterStats EndpointLoadMetricStats LbEndpointCollection LedsClusterLocalityConfig UnnamedEndpointLoadMetricStats UpstreamEndpointStats UpstreamLocalityStats
t envoy.config.filter.accesslog.v2 AccessLog AccessLogFilter AndFilter ComparisonFilter DurationFilter ExtensionFilter GrpcStatusFilter HeaderFilter NotHealthCheckFilter OrFilter ResponseFlagFilter RuntimeFilter StatusCodeFilter TraceableFilter
t envoy.config.filter.dubbo.router.v2alpha1 Router
t envoy.config.filter.fault.v2 FaultDelay FaultRateLimit
t envoy.config.filter.http.adaptive_concurrency.v2alpha AdaptiveConcurrency GradientControllerConfig
t envoy.config.filter.http.aws_lambda.v2alpha Config PerRouteConfig
t envoy.config.filter.http.aws_request_signing.v2alpha AwsRequestSigning
t envoy.config.filter.http.buffer.v2 Buffer BufferPerRoute
t envoy.config.filter.http.cache.v2alpha CacheConfig
t envoy.config.filter.http.compressor.v2 Compressor
t envoy.config.filter.http.cors.v2 Cors
t envoy.config.filter.http.csrf.v2 CsrfPolicy
t envoy.config.filter.http.dynamic_forward_proxy.v2alpha FilterConfig PerRouteConfig
t envoy.config.filter.http.dynamo.v2 Dynamo
t envoy.config.filter.http.ext_authz.v2 AuthorizationRequest AuthorizationResponse BufferSettings CheckSettings ExtAuthz ExtAuthzPerRoute HttpService
t envoy.config.filter.http.fault.v2 FaultAbort HTTPFault
t envoy.config.filter.http.grpc_http1_bridge.v2 Config
t envoy.config.filter.http.grpc_http1_reverse_bridge.v2alpha1 FilterConfig FilterConfigPerRoute
t envoy.config.filter.http.grpc_stats.v2alpha FilterConfig FilterObject
t envoy.config.filter.http.grpc_web.v2 GrpcWeb
t envoy.config.filter.http.gzip.v2 Gzip
t envoy.config.filter.http.header_to_metadata.v2 Config
t envoy.config.filter.http.health_check.v2 HealthCheck
t envoy.config.filter.http.ip_tagging.v2 IPTagging
t envoy.config.filter.http.jwt_authn.v2alpha FilterStateRule JwtAuthentication JwtHeader JwtProvider JwtRequirement JwtRequirementAndList JwtRequirementOrList ProviderWithAudiences RemoteJwks RequirementRule
t envoy.config.filter.http.lua.v2 Lua
t envoy.config.filter.http.on_demand.v2 OnDemand
t envoy.config.filter.http.original_src.v2alpha1 OriginalSrc
t envoy.config.filter.http.rate_limit.v2 RateLimit
t envoy.config.filter.http.rbac.v2 RBAC RBACPerRoute
t envoy.config.filter.http.router.v2 Router
t envoy.config.filter.http.squash.v2 Squash
t envoy.config.filter.http.tap.v2alpha Tap
t envoy.config.filter.http.transcoder.v2 GrpcJsonTranscoder
t envoy.config.filter.listener.http_inspector.v2 HttpInspector
t envoy.config.filter.listener.original_dst.v2 OriginalDst
t envoy.config.filter.listener.original_src.v2alpha1 OriginalSrc
t envoy.config.filter.listener.proxy_protocol.v2 ProxyProtocol
t envoy.config.filter.listener.tls_inspector.v2 TlsInspector
t envoy.config.filter.network.client_ssl_auth.v2 ClientSSLAuth
t envoy.config.filter.network.direct_response.v2 Config
t envoy.config.filter.network.dubbo_proxy.v2alpha1 DubboFilter DubboProxy MethodMatch Route RouteAction RouteConfiguration RouteMatch
t envoy.config.filter.network.echo.v2 Echo
t envoy.config.filter.network.ext_authz.v2 ExtAuthz
t envoy.config.filter.network.http_connection_manager.v2 HttpConnectionManager HttpFilter Rds RequestIDExtension ScopedRds ScopedRouteConfigurationsList ScopedRoutes
t envoy.config.filter.network.kafka_broker.v2alpha1 IdBasedBrokerRewriteRule IdBasedBrokerRewriteSpec KafkaBroker
t envoy.config.filter.network.local_rate_limit.v2alpha LocalRateLimit
t envoy.config.filter.network.mongo_proxy.v2 MongoProxy
t envoy.config.filter.network.mysql_proxy.v1alpha1 MySQLProxy
t envoy.config.filter.network.rate_limit.v2 RateLimit
t envoy.config.filter.network.rbac.v2 RBAC
t envoy.config.filter.network.redis_proxy.v2 RedisProtocolOptions RedisProxy
t envoy.config.filter.network.sni_cluster.v2 SniCluster
t envoy.config.filter.network.tcp_proxy.v2 TcpProxy
t envoy.config.filter.network.thrift_proxy.v2alpha1 Route RouteAction RouteConfiguration RouteMatch ThriftFilter ThriftProtocolOptions ThriftProxy WeightedCluster
t envoy.config.filter.network.zookeeper_proxy.v1alpha1 ZooKeeperProxy
t envoy.config.filter.thrift.rate_limit.v2alpha1 RateLimit
t envoy.config.filter.thrift.router.v2alpha1 Router
t envoy.config.filter.udp.udp_proxy.v2alpha UdpProxyConfig
t envoy.config.grpc_credential.v2alpha AwsIamConfig FileBasedMetadataConfig
t envoy.config.grpc_credential.v3 AwsIamConfig FileBasedMetadataConfig
t envoy.config.health_checker.redis.v2 Redis
t envoy.config.listener.v2 ApiListener
t envoy.config.listener.v3 ActiveRawUdpListenerConfig ApiListener ApiListenerManager ListenerCollection ListenerManager QuicProtocolOptions UdpListenerConfig ValidationListenerManager
t envoy.config.metrics.v2 DogStatsdSink HystrixSink MetricsServiceConfig StatsConfig StatsMatcher StatsSink StatsdSink TagSpecifier
t envoy.config.metrics.v3 DogStatsdSink HistogramBucketSettings HystrixSink MetricsServiceConfig StatsSink StatsdSink
t envoy.config.overload.v2alpha OverloadAction OverloadManager ResourceMonitor ThresholdTrigger Trigger
t envoy.config.overload.v3 BufferFactoryConfig LoadShedPoint OverloadAction OverloadManager ResourceMonitor ScaleTimersOverloadActionConfig ScaledTrigger ThresholdTrigger Trigger
t envoy.config.ratelimit.v2 RateLimitServiceConfig
t envoy.config.ratelimit.v3 RateLimitServiceConfig
t envoy.config.rbac.v2 Permission Policy Principal RBAC
t envoy.config.rbac.v3 Action Permission Policy Principal RBAC SourcedMetadata
t envoy.config.resource_monitor.fixed_heap.v2alpha FixedHeapConfig
t envoy.config.resource_monitor.injected_resource.v2alpha InjectedResourceConfig
t envoy.config.retry.omit_canary_hosts.v2 OmitCanaryHostsPredicate
t envoy.config.retry.omit_host_metadata.v2 OmitHostMetadataConfig
t envoy.config.retry.previous_hosts.v2 PreviousHostsPredicate
t envoy.config.retry.previous_priorities PreviousPrioritiesConfig
t envoy.config.route.v3 CorsPolicy Decorator FilterAction HedgePolicy InternalRedirectPolicy NonForwardingAction RateLimit RetryPolicy RouteList ScopedRouteConfiguration Tracing Vhds
t envoy.config.tap.v3 BufferedAdminSink FilePerTapSink HttpGenericBodyMatch HttpHeadersMatch MatchPredicate OutputConfig OutputSink StreamingAdminSink StreamingGrpcSink TapConfig
t envoy.config.trace.v2 DatadogConfig DynamicOtConfig LightstepConfig OpenCensusConfig TraceServiceConfig Tracing ZipkinConfig
t envoy.config.trace.v2alpha XRayConfig
t envoy.config.trace.v3 ClientConfig DatadogConfig DatadogRemoteConfig DynamicOtConfig LightstepConfig OpenCensusConfig OpenTelemetryConfig SkyWalkingConfig TraceServiceConfig Tracing XRayConfig ZipkinConfig
t envoy.config.transport_socket.alts.v2alpha Alts
t envoy.config.transport_socket.raw_buffer.v2 RawBuffer
t envoy.config.transport_socket.tap.v2alpha Tap
t envoy.config.upstream.local_address_selector.v3 DefaultLocalAddressSelector
t envoy.extensions.access_loggers.filters.cel.v3 ExpressionFilter
t envoy.extensions.access_loggers.filters.process_ratelimit.v3 DynamicTokenBucket ProcessRateLimitFilter
t envoy.extensions.access_loggers.fluentd.v3 FluentdAccessLogConfig
t envoy.extensions.access_loggers.grpc.v3 CommonGrpcAccessLogConfig HttpGrpcAccessLogConfig TcpGrpcAccessLogConfig
t envoy.extensions.access_loggers.open_telemetry.v3 OpenTelemetryAccessLogConfig
t envoy.extensions.access_loggers.stats.v3 Config
t envoy.extensions.access_loggers.wasm.v3 WasmAccessLog
t envoy.extensions.bootstrap.internal_listener.v3 InternalListener
t envoy.extensions.bootstrap.reverse_tunnel.downstream_socket_interface.v3 DownstreamReverseConnectionSocketInterface
t envoy.extensions.bootstrap.reverse_tunnel.upstream_socket_interface.v3 UpstreamReverseConnectionSocketInterface
t envoy.extensions.clusters.aggregate.v3 AggregateClusterResource ClusterConfig
t envoy.extensions.clusters.dns.v3 DnsCluster
t envoy.extensions.clusters.dynamic_forward_proxy.v3 ClusterConfig SubClustersConfig
t envoy.extensions.clusters.redis.v3 RedisClusterConfig
t envoy.extensions.clusters.reverse_connection.v3 ReverseConnectionClusterConfig
t envoy.extensions.common.async_files.v3 AsyncFileManagerConfig
t envoy.extensions.common.aws.v3 AssumeRoleCredentialProvider AssumeRoleWithWebIdentityCredentialProvider AwsCredentialProvider ConfigCredentialProvider ContainerCredentialProvider CredentialsFileCredentialProvider EnvironmentCredentialProvider IAMRolesAnywhereCredentialProvider InlineCredentialProvider InstanceProfileCredentialProvider
t envoy.extensions.common.dynamic_forward_proxy.v3 DnsCacheCircuitBreakers DnsCacheConfig
t envoy.extensions.common.matching.v3 ExtensionWithMatcher ExtensionWithMatcherPerRoute
t envoy.extensions.common.ratelimit.v3 LocalClusterRateLimit LocalRateLimitDescriptor RateLimitDescriptor
t envoy.extensions.common.tap.v3 AdminConfig CommonExtensionConfig
t envoy.extensions.compression.brotli.compressor.v3 Brotli
t envoy.extensions.compression.brotli.decompressor.v3 Brotli
t envoy.extensions.compression.gzip.compressor.v3 Gzip
t envoy.extensions.compression.gzip.decompressor.v3 Gzip
t envoy.extensions.compression.zstd.compressor.v3 Zstd
t envoy.extensions.compression.zstd.decompressor.v3 Zstd
t envoy.extensions.config.validators.minimum_clusters.v3 MinimumClustersValidator
t envoy.extensions.dynamic_modules.v3 DynamicModuleConfig
t envoy.extensions.early_data.v3 DefaultEarlyDataPolicy
t envoy.extensions.filters.common.dependency.v3 Dependency FilterDependencies MatchingRequirements
t envoy.extensions.filters.common.fault.v3 FaultDelay FaultRateLimit
t envoy.extensions.filters.common.matcher.action.v3 SkipFilter
t envoy.extensions.filters.common.set_filter_state.v3 FilterStateValue
t envoy.extensions.filters.http.adaptive_concurrency.v3 AdaptiveConcurrency GradientControllerConfig
t envoy.extensions.filters.http.admission_control.v3 AdmissionControl
t envoy.extensions.filters.http.alternate_protocols_cache.v3 FilterConfig
t envoy.extensions.filters.http.api_key_auth.v3 ApiKeyAuth ApiKeyAuthPerRoute Credential Forwarding KeySource
t envoy.extensions.filters.http.aws_lambda.v3 Config Credentials PerRouteConfig
t envoy.extensions.filters.http.aws_request_signing.v3 AwsRequestSigning AwsRequestSigningPerRoute
t envoy.extensions.filters.http.bandwidth_limit.v3 BandwidthLimit
t envoy.extensions.filters.http.basic_auth.v3 BasicAuth BasicAuthPerRoute
t envoy.extensions.filters.http.buffer.v3 Buffer BufferPerRoute
t envoy.extensions.filters.http.cache.v3 CacheConfig
t envoy.extensions.filters.http.cache_v2.v3 CacheV2Config
t envoy.extensions.filters.http.cdn_loop.v3 CdnLoopConfig
t envoy.extensions.filters.http.composite.v3 Composite DynamicConfig ExecuteFilterAction FilterChainConfiguration
t envoy.extensions.filters.http.compressor.v3 Compressor CompressorOverrides CompressorPerRoute ResponseDirectionOverrides
t envoy.extensions.filters.http.connect_grpc_bridge.v3 FilterConfig
t envoy.extensions.filters.http.cors.v3 Cors CorsPolicy
t envoy.extensions.filters.http.credential_injector.v3 CredentialInjector
t envoy.extensions.filters.http.csrf.v3 CsrfPolicy
t envoy.extensions.filters.http.custom_response.v3 CustomResponse
t envoy.extensions.filters.http.decompressor.v3 Decompressor
t envoy.extensions.filters.http.dynamic_forward_proxy.v3 FilterConfig PerRouteConfig SubClusterConfig
t envoy.extensions.filters.http.dynamic_modules.v3 DynamicModuleFilter DynamicModuleFilterPerRoute
t envoy.extensions.filters.http.ext_authz.v3 AuthorizationRequest AuthorizationResponse BufferSettings CheckSettings ExtAuthz ExtAuthzPerRoute HttpService
t envoy.extensions.filters.http.ext_proc.v3 ExtProcHttpService ExtProcOverrides ExtProcPerRoute ExternalProcessor HeaderForwardingRules MetadataOptions ProcessingMode
t envoy.extensions.filters.http.fault.v3 FaultAbort HTTPFault
t envoy.extensions.filters.http.file_system_buffer.v3 BufferBehavior FileSystemBufferFilterConfig StreamConfig
t envoy.extensions.filters.http.gcp_authn.v3 Audience GcpAuthnFilterConfig TokenCacheConfig TokenHeader
t envoy.extensions.filters.http.geoip.v3 Geoip
t envoy.extensions.filters.http.grpc_field_extraction.v3 FieldExtractions GrpcFieldExtractionConfig RequestFieldValueDisposition
t envoy.extensions.filters.http.grpc_http1_bridge.v3 Config
t envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3 FilterConfig FilterConfigPerRoute
t envoy.extensions.filters.http.grpc_json_reverse_transcoder.v3 GrpcJsonReverseTranscoder
t envoy.extensions.filters.http.grpc_json_transcoder.v3 GrpcJsonTranscoder UnknownQueryParams
t envoy.extensions.filters.http.grpc_stats.v3 FilterConfig FilterObject
t envoy.extensions.filters.http.grpc_web.v3 GrpcWeb
t envoy.extensions.filters.http.gzip.v3 Gzip
t envoy.extensions.filters.http.header_to_metadata.v3 Config
t envoy.extensions.filters.http.health_check.v3 HealthCheck
t envoy.extensions.filters.http.ip_tagging.v3 IPTagging
t envoy.extensions.filters.http.json_to_metadata.v3 JsonToMetadata
t envoy.extensions.filters.http.jwt_authn.v3 FilterStateRule JwksAsyncFetch JwtAuthentication JwtCacheConfig JwtClaimToHeader JwtHeader JwtProvider JwtRequirement JwtRequirementAndList JwtRequirementOrList PerRouteConfig ProviderWithAudiences RemoteJwks RequirementRule
t envoy.extensions.filters.http.kill_request.v3 KillRequest
t envoy.extensions.filters.http.local_ratelimit.v3 LocalRateLimit
t envoy.extensions.filters.http.mcp.v3 Mcp McpOverride ParserConfig
t envoy.extensions.filters.http.mcp_router.v3 McpRouter
t envoy.extensions.filters.http.oauth2.v3 CookieConfig CookieConfigs OAuth2 OAuth2Config OAuth2Credentials
t envoy.extensions.filters.http.on_demand.v3 OnDemand OnDemandCds PerRouteConfig
t envoy.extensions.filters.http.original_src.v3 OriginalSrc
t envoy.extensions.filters.http.proto_api_scrubber.v3 DescriptorSet MessageRestrictions MethodRestrictions ProtoApiScrubberConfig RemoveFieldAction RestrictionConfig Restrictions
t envoy.extensions.filters.http.proto_message_extraction.v3 MethodExtraction ProtoMessageExtractionConfig
t envoy.extensions.filters.http.proto_message_logging.v3 MethodLogging ProtoMessageLoggingConfig
t envoy.extensions.filters.http.rate_limit_quota.v3 RateLimitQuotaBucketSettings RateLimitQuotaFilterConfig RateLimitQuotaOverride
t envoy.extensions.filters.http.ratelimit.v3 RateLimit RateLimitPerRoute
t envoy.extensions.filters.http.rbac.v3 RBAC RBACPerRoute
t envoy.extensions.filters.http.set_filter_state.v3 Config
t envoy.extensions.filters.http.set_metadata.v3 Config Metadata
t envoy.extensions.filters.http.stateful_session.v3 StatefulSession StatefulSessionPerRoute
t envoy.extensions.filters.http.tap.v3 Tap
t envoy.extensions.filters.http.thrift_to_metadata.v3 FieldSelector KeyValuePair Rule ThriftToMetadata ThriftToMetadataPerRoute
t envoy.extensions.filters.http.transform.v3 BodyTransformation TransformConfig Transformation
t envoy.extensions.filters.http.wasm.v3 Wasm
t envoy.extensions.filters.listener.local_ratelimit.v3 LocalRateLimit
t envoy.extensions.filters.listener.original_src.v3 OriginalSrc
t envoy.extensions.filters.network.connection_limit.v3 ConnectionLimit
t envoy.extensions.filters.network.direct_response.v3 Config
t envoy.extensions.filters.network.dubbo_proxy.router.v3 Router
t envoy.extensions.filters.network.dubbo_proxy.v3 Drds DubboFilter DubboProxy MethodMatch MultipleRouteConfiguration Route RouteAction RouteConfiguration RouteMatch
t envoy.extensions.filters.network.echo.v3 Echo
t envoy.extensions.filters.network.ext_authz.v3 ExtAuthz
t envoy.extensions.filters.network.ext_proc.v3 MetadataOptions NetworkExternalProcessor ProcessingMode
t envoy.extensions.filters.network.generic_proxy.action.v3 RouteAction
t envoy.extensions.filters.network.generic_proxy.codecs.dubbo.v3 DubboCodecConfig
t envoy.extensions.filters.network.generic_proxy.codecs.http1.v3 Http1CodecConfig
t envoy.extensions.filters.network.generic_proxy.matcher.v3 HostMatchInput KeyValueMatchEntry MethodMatchInput PathMatchInput PropertyMatchInput RequestMatchInput RequestMatcher ServiceMatchInput
t envoy.extensions.filters.network.generic_proxy.router.v3 Router
t envoy.extensions.filters.network.generic_proxy.v3 GenericProxy GenericRds RouteConfiguration VirtualHost
t envoy.extensions.filters.network.geoip.v3 Geoip
t envoy.extensions.filters.network.http_connection_manager.v3 EnvoyMobileHttpConnectionManager RequestIDExtension ScopedRds ScopedRouteConfigurationsList ScopedRoutes
t envoy.extensions.filters.network.local_ratelimit.v3 LocalRateLimit
t envoy.extensions.filters.network.mongo_proxy.v3 MongoProxy
t envoy.extensions.filters.network.ratelimit.v3 RateLimit
t envoy.extensions.filters.network.rbac.v3 RBAC
t envoy.extensions.filters.network.redis_proxy.v3 AwsIam RedisExternalAuthProvider RedisProtocolOptions RedisProxy
t envoy.extensions.filters.network.reverse_tunnel.v3 ReverseTunnel Validation
t envoy.extensions.filters.network.set_filter_state.v3 Config
t envoy.extensions.filters.network.sni_cluster.v3 SniCluster
t envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3 FilterConfig
t envoy.extensions.filters.network.thrift_proxy.filters.header_to_metadata.v3 HeaderToMetadata
t envoy.extensions.filters.network.thrift_proxy.filters.payload_to_metadata.v3 PayloadToMetadata
t envoy.extensions.filters.network.thrift_proxy.filters.ratelimit.v3 RateLimit
t envoy.extensions.filters.network.thrift_proxy.router.v3 Router
t envoy.extensions.filters.network.thrift_proxy.v3 Route RouteAction RouteConfiguration RouteMatch ThriftFilter ThriftProtocolOptions ThriftProxy Trds WeightedCluster
t envoy.extensions.filters.network.wasm.v3 Wasm
t envoy.extensions.filters.network.zookeeper_proxy.v3 LatencyThresholdOverride ZooKeeperProxy
t envoy.extensions.filters.udp.dns_filter.v3 DnsFilterConfig
t envoy.extensions.filters.udp.udp_proxy.session.dynamic_forward_proxy.v3 FilterConfig
t envoy.extensions.filters.udp.udp_proxy.session.http_capsule.v3 FilterConfig
t envoy.extensions.filters.udp.udp_proxy.v3 Route UdpProxyConfig
t envoy.extensions.formatter.cel.v3 Cel
t envoy.extensions.formatter.metadata.v3 Metadata
t envoy.extensions.formatter.req_without_query.v3 ReqWithoutQuery
t envoy.extensions.geoip_providers.common.v3 CommonGeoipProviderConfig
t envoy.extensions.geoip_providers.maxmind.v3 MaxMindConfig
t envoy.extensions.grpc_service.call_credentials.access_token.v3 AccessTokenCredentials
t envoy.extensions.grpc_service.call_credentials.file_based_metadata.v3 FileBasedMetadataCallCredentials
t envoy.extensions.grpc_service.call_credentials.google_compute_engine.v3 GoogleComputeEngineCredentials
t envoy.extensions.grpc_service.call_credentials.google_iam.v3 GoogleIamCredentials
t envoy.extensions.grpc_service.call_credentials.google_refresh_token.v3 GoogleRefreshTokenCredentials
t envoy.extensions.grpc_service.call_credentials.service_account_jwt_access.v3 ServiceAccountJwtAccessCredentials
t envoy.extensions.grpc_service.call_credentials.sts_service.v3 StsServiceCredentials
t envoy.extensions.grpc_service.channel_credentials.google_default.v3 GoogleDefaultCredentials
t envoy.extensions.grpc_service.channel_credentials.insecure.v3 InsecureCredentials
t envoy.extensions.grpc_service.channel_credentials.local.v3 LocalCredentials
t envoy.extensions.grpc_service.channel_credentials.tls.v3 TlsCredentials
t envoy.extensions.grpc_service.channel_credentials.xds.v3 XdsCredentials
t envoy.extensions.health_check.event_sinks.file.v3 HealthCheckEventFileSink
t envoy.extensions.health_checkers.redis.v3 Redis
t envoy.extensions.health_checkers.thrift.v3 Thrift
t envoy.extensions.http.cache.file_system_http_cache.v3 FileSystemHttpCacheConfig
t envoy.extensions.http.cache.simple_http_cache.v3 SimpleHttpCacheConfig
t envoy.extensions.http.cache_v2.file_system_http_cache.v3 FileSystemHttpCacheV2Config
t envoy.extensions.http.cache_v2.simple_http_cache.v3 SimpleHttpCacheV2Config
t envoy.extensions.http.custom_response.local_response_policy.v3 LocalResponsePolicy
t envoy.extensions.http.custom_response.redirect_policy.v3 RedirectPolicy
t envoy.extensions.http.early_header_mutation.header_mutation.v3 HeaderMutation
t envoy.extensions.http.ext_proc.processing_request_modifiers.mapped_attribute_builder.v3 MappedAttributeBuilder
t envoy.extensions.http.ext_proc.response_processors.save_processing_response.v3 SaveProcessingResponse
t envoy.extensions.http.header_formatters.preserve_case.v3 PreserveCaseFormatterConfig
t envoy.extensions.http.header_validators.envoy_default.v3 HeaderValidatorConfig
t envoy.extensions.http.injected_credentials.generic.v3 Generic
t envoy.extensions.http.injected_credentials.oauth2.v3 OAuth2
t envoy.extensions.http.original_ip_detection.custom_header.v3 CustomHeaderConfig
t envoy.extensions.http.original_ip_detection.xff.v3 XffConfig XffTrustedCidrs
t envoy.extensions.http.stateful_session.cookie.v3 CookieBasedSessionState
t envoy.extensions.http.stateful_session.envelope.v3 EnvelopeSessionState
t envoy.extensions.http.stateful_session.header.v3 HeaderBasedSessionState
t envoy.extensions.injected_credentials.generic.v3 Generic
t envoy.extensions.injected_credentials.oauth2.v3 OAuth2
t envoy.extensions.internal_redirect.allow_listed_routes.v3 AllowListedRoutesConfig
t envoy.extensions.internal_redirect.previous_routes.v3 PreviousRoutesConfig
t envoy.extensions.internal_redirect.safe_cross_scheme.v3 SafeCrossSchemeConfig
t envoy.extensions.key_value.file_based.v3 FileBasedKeyValueStoreConfig
t envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3 ClientSideWeightedRoundRobin
t envoy.extensions.load_balancing_policies.cluster_provided.v3 ClusterProvided
t envoy.extensions.load_balancing_policies.common.v3 ConsistentHashingLbConfig LocalityLbConfig SlowStartConfig
t envoy.extensions.load_balancing_policies.least_request.v3 LeastRequest
t envoy.extensions.load_balancing_policies.maglev.v3 Maglev
t envoy.extensions.load_balancing_policies.override_host.v3 OverrideHost
t envoy.extensions.load_balancing_policies.pick_first.v3 PickFirst
t envoy.extensions.load_balancing_policies.random.v3 Random
t envoy.extensions.load_balancing_policies.ring_hash.v3 RingHash
t envoy.extensions.load_balancing_policies.round_robin.v3 RoundRobin
t envoy.extensions.load_balancing_policies.subset.v3 Subset
t envoy.extensions.load_balancing_policies.wrr_locality.v3 WrrLocality
t envoy.extensions.local_address_selectors.filter_state_override.v3 Config
t envoy.extensions.matching.common_inputs.environment_variable.v3 Config
t envoy.extensions.matching.common_inputs.network.v3 ApplicationProtocolInput DestinationIPInput DestinationPortInput DirectSourceIPInput DynamicMetadataInput FilterStateInput NetworkNamespaceInput ServerNameInput SourceIPInput SourcePortInput SourceTypeInput TransportProtocolInput
t envoy.extensions.matching.common_inputs.ssl.v3 DnsSanInput SubjectInput UriSanInput
t envoy.extensions.matching.common_inputs.stats.v3 StatFullNameMatchInput
t envoy.extensions.matching.common_inputs.transport_socket.v3 EndpointMetadataInput FilterStateInput LocalityMetadataInput TransportSocketNameAction
t envoy.extensions.matching.input_matchers.consistent_hashing.v3 ConsistentHashing
t envoy.extensions.matching.input_matchers.ip.v3 Ip
t envoy.extensions.matching.input_matchers.metadata.v3 Metadata
t envoy.extensions.matching.input_matchers.runtime_fraction.v3 RuntimeFraction
t envoy.extensions.network.dns_resolver.apple.v3 AppleDnsResolverConfig
t envoy.extensions.network.dns_resolver.getaddrinfo.v3 GetAddrInfoDnsResolverConfig
t envoy.extensions.network.socket_interface.v3 DefaultSocketInterface IoUringOptions
t envoy.extensions.outlier_detection_monitors.common.v3 DatabaseErrors ErrorBuckets HttpErrors LocalOriginErrors
t envoy.extensions.outlier_detection_monitors.consecutive_errors.v3 ConsecutiveErrors
t envoy.extensions.path.match.uri_template.v3 UriTemplateMatchConfig
t envoy.extensions.path.rewrite.uri_template.v3 UriTemplateRewriteConfig
t envoy.extensions.quic.connection_debug_visitor.quic_stats.v3 Config
t envoy.extensions.quic.connection_debug_visitor.v3 BasicConfig
t envoy.extensions.quic.connection_id_generator.quic_lb.v3 Config
t envoy.extensions.quic.connection_id_generator.v3 DeterministicConnectionIdGeneratorConfig
t envoy.extensions.quic.crypto_stream.v3 CryptoServerStreamConfig
t envoy.extensions.quic.proof_source.v3 ProofSourceConfig
t envoy.extensions.quic.server_preferred_address.v3 DataSourceServerPreferredAddressConfig FixedServerPreferredAddressConfig
t envoy.extensions.rate_limit_descriptors.expr.v3 Descriptor
t envoy.extensions.rbac.audit_loggers.stream.v3 StdoutAuditLog
t envoy.extensions.rbac.matchers.upstream_ip_port.v3 UpstreamIpPortMatcher
t envoy.extensions.rbac.principals.mtls_authenticated.v3 Config
t envoy.extensions.regex_engines.v3 GoogleRE2
t envoy.extensions.request_id.uuid.v3 UuidRequestIdConfig
t envoy.extensions.resource_monitors.cgroup_memory.v3 CgroupMemoryConfig
t envoy.extensions.resource_monitors.cpu_utilization.v3 CpuUtilizationConfig
t envoy.extensions.resource_monitors.downstream_connections.v3 DownstreamConnectionsConfig
t envoy.extensions.resource_monitors.fixed_heap.v3 FixedHeapConfig
t envoy.extensions.resource_monitors.injected_resource.v3 InjectedResourceConfig
t envoy.extensions.retry.host.omit_canary_hosts.v3 OmitCanaryHostsPredicate
t envoy.extensions.retry.host.omit_host_metadata.v3 OmitHostMetadataConfig
t envoy.extensions.retry.host.previous_hosts.v3 PreviousHostsPredicate
t envoy.extensions.retry.priority.previous_priorities.v3 PreviousPrioritiesConfig
t envoy.extensions.router.cluster_specifiers.matcher.v3 ClusterAction MatcherClusterSpecifier
t envoy.extensions.stat_sinks.graphite_statsd.v3 GraphiteStatsdSink
t envoy.extensions.stat_sinks.open_telemetry.v3 SinkConfig
t envoy.extensions.stat_sinks.wasm.v3 Wasm
t envoy.extensions.tracers.fluentd.v3 FluentdConfig
t envoy.extensions.tracers.opentelemetry.resource_detectors.v3 DynatraceResourceDetectorConfig EnvironmentResourceDetectorConfig StaticConfigResourceDetectorConfig
t envoy.extensions.tracers.opentelemetry.samplers.v3 AlwaysOnSamplerConfig CELSamplerConfig DynatraceSamplerConfig ParentBasedSamplerConfig TraceIdRatioBasedSamplerConfig
t envoy.extensions.transport_sockets.alts.v3 Alts
t envoy.extensions.transport_sockets.http_11_proxy.v3 Http11ProxyUpstreamTransport
t envoy.extensions.transport_sockets.internal_upstream.v3 InternalUpstreamTransport
t envoy.extensions.transport_sockets.proxy_protocol.v3 ProxyProtocolUpstreamTransport
t envoy.extensions.transport_sockets.quic.v3 QuicDownstreamTransport QuicUpstreamTransport
t envoy.extensions.transport_sockets.s2a.v3 S2AConfiguration
t envoy.extensions.transport_sockets.starttls.v3 StartTlsConfig UpstreamStartTlsConfig
t envoy.extensions.transport_sockets.tap.v3 SocketTapConfig Tap
t envoy.extensions.transport_sockets.tcp_stats.v3 Config
t envoy.extensions.transport_sockets.tls.v3 CertificateProviderPluginInstance GenericSecret PrivateKeyProvider SPIFFECertValidatorConfig TlsKeyLog TlsSessionTicketKeys
t envoy.extensions.udp_packet_writer.v3 UdpDefaultWriterFactory UdpGsoBatchWriterFactory
t envoy.extensions.upstreams.http.generic.v3 GenericConnectionPoolProto
t envoy.extensions.upstreams.http.http.v3 HttpConnectionPoolProto
t envoy.extensions.upstreams.http.tcp.v3 TcpConnectionPoolProto
t envoy.extensions.upstreams.http.udp.v3 UdpConnectionPoolProto
t envoy.extensions.upstreams.tcp.generic.v3 GenericConnectionPoolProto
t envoy.extensions.upstreams.tcp.v3 TcpProtocolOptions
t envoy.extensions.wasm.v3 CapabilityRestrictionConfig EnvironmentVariables PluginConfig ReloadConfig SanitizationConfig VmConfig WasmService
t envoy.extensions.watchdog.profile_action.v3 ProfileActionConfig
t envoy.service.accesslog.v2 StreamAccessLogsMessage StreamAccessLogsResponse
t envoy.service.accesslog.v3 StreamAccessLogsMessage StreamAccessLogsResponse
t envoy.service.auth.v2 AttributeContext CheckRequest CheckResponse DeniedHttpResponse OkHttpResponse
t envoy.service.auth.v3 AttributeContext CheckRequest CheckResponse DeniedHttpResponse OkHttpResponse
t envoy.service.cluster.v3 CdsDummy
t envoy.service.discovery.v2 AdsDummy Capability ClusterHealthCheck EndpointHealth EndpointHealthResponse HealthCheckRequest HealthCheckRequestOrEndpointHealthResponse HealthCheckSpecifier LocalityEndpoints RtdsDummy Runtime SdsDummy
t envoy.service.discovery.v3 AdsDummy DynamicParameterConstraints ResourceError ResourceLocator ResourceName
t envoy.service.endpoint.v3 EdsDummy LedsDummy
t envoy.service.event_reporting.v2alpha StreamEventsRequest StreamEventsResponse
t envoy.service.event_reporting.v3 StreamEventsRequest StreamEventsResponse
t envoy.service.ext_proc.v3 BodyMutation BodyResponse CommonResponse GrpcStatus HeaderMutation HeadersResponse HttpBody HttpHeaders HttpTrailers ImmediateResponse ProcessingRequest ProcessingResponse ProtocolConfiguration StreamedBodyResponse TrailersResponse
t envoy.service.extension.v3 EcdsDummy
t envoy.service.health.v3 Capability ClusterEndpointsHealth ClusterHealthCheck EndpointHealth EndpointHealthResponse HdsDummy HealthCheckRequest HealthCheckRequestOrEndpointHealthResponse HealthCheckSpecifier LocalityEndpoints LocalityEndpointsHealth
t envoy.service.listener.v3 LdsDummy
t envoy.service.load_stats.v2 LoadStatsRequest LoadStatsResponse
t envoy.service.load_stats.v3 LoadStatsRequest LoadStatsResponse
t envoy.service.network_ext_proc.v3 Data ProcessingRequest ProcessingResponse
t envoy.service.rate_limit_quota.v3 BucketId RateLimitQuotaResponse RateLimitQuotaUsageReports
t envoy.service.ratelimit.v2 RateLimitRequest RateLimitResponse
t envoy.service.ratelimit.v3 RateLimitRequest RateLimitResponse
t envoy.service.redis_auth.v3 RedisProxyExternalAuthRequest RedisProxyExternalAuthResponse
t envoy.service.route.v3 RdsDummy SrdsDummy
t envoy.service.runtime.v3 RtdsDummy Runtime
t envoy.service.secret.v3 SdsDummy
t envoy.service.status.v2 ClientConfig ClientStatusRequest ClientStatusResponse PerXdsConfig
t envoy.service.status.v3 ClientConfig ClientStatusRequest ClientStatusResponse PerXdsConfig
t envoy.service.tap.v2alpha FilePerTapSink HttpHeadersMatch MatchPredicate OutputConfig OutputSink StreamTapsRequest StreamTapsResponse StreamingAdminSink StreamingGrpcSink TapConfig
t envoy.service.tap.v3 StreamTapsRequest StreamTapsResponse
t envoy.service.trace.v2 StreamTracesMessage StreamTracesResponse
t envoy.service.trace.v3 StreamTracesMessage StreamTracesResponse
t udpa.type.v1 TypedStruct
t xds.type.matcher.v3 CelMatcher DoubleRangeMatcher HttpAttributesCelMatchInput IPMatcher Int32RangeMatcher Int64RangeMatcher ListStringMatcher Matcher RegexMatcher ServerNameMatcher StringMatcher
t xds.type.v3 CelExpression CelExtractString DoubleRange Int32Range Int64Range TypedStruct
"""#
