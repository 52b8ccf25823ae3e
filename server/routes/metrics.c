/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: the counters of all parts in Prometheus' text format 0.0.4. Loop thread. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "server/front.h"

enum metric_type { COUNTER, GAUGE };
enum metric_width { U64, U32 };

/* One number of one of the structs. */
struct metric {
	const char *name;
	enum metric_type type;
	size_t offset;
	const char *help;
	enum metric_width width;
};

#define AT(member) offsetof(struct compile_service_counters, member)
static const struct metric of_service[] = {
	{ "compiles_started_total", COUNTER, AT(started), "Compiles taken." },
	{ "compiles_refused_total", COUNTER, AT(refused_busy), "Compiles refused because the queue was full." },
	{ "compiles_retried_total", COUNTER, AT(retried), "Runs repeated because their worker went away before it began." },
	{ "compiles_queued", GAUGE, AT(queued_now), "Compiles waiting for a worker." },
	{ "compiles_running", GAUGE, AT(running_now), "Compiles in a worker." },
	{ "workers", GAUGE, AT(workers_now), "Workers alive." },
	{ "workers_forked_total", COUNTER, AT(workers_forked), "Workers forked." },
	{ "workers_died_total", COUNTER, AT(workers_died), "Workers that ended without being asked to." },
	{ "worker_templates_started_total", COUNTER, AT(templates_started), "Worker templates started." },
	{ "warm_steps", GAUGE, AT(warm_steps), "Compiler tables built ahead.", U32 },
	{ "warm_steps_total", GAUGE, AT(warm_steps_total), "Compiler tables to be built ahead.", U32 },
	{ "analyzers_started_total", COUNTER, AT(analyzers_started), "Analyzer processes started." },
	{ "analyzer_profiled_runs_total", COUNTER, AT(profiled_runs), "Runs with the analyzer attached." },
	{ "analyzer_clean_runs_total", COUNTER, AT(clean_runs), "Repeated runs without it." },
	{ "analyzer_samples_total", COUNTER, AT(analyzer.samples), "Samples taken." },
	{ "analyzer_samples_complete_total", COUNTER, AT(analyzer.complete), "Samples whose stack is whole." },
	{ "analyzer_samples_frame_pointers_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_TRUNCATED]),
	  "Samples without unwind tables whose chain of frame pointers broke." },
	{ "analyzer_samples_too_deep_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_TOO_DEEP]),
	  "Samples whose stack is deeper than is walked." },
	{ "analyzer_samples_bad_read_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_BAD_READ]),
	  "Samples whose stack could not be read." },
	{ "analyzer_samples_no_mapping_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_NO_MAPPING]),
	  "Samples with an address in no known mapping." },
	{ "analyzer_samples_no_row_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_NO_ROW]),
	  "Samples with an address that no unwind table covers." },
	{ "analyzer_samples_unsupported_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_UNSUPPORTED]),
	  "Samples with a rule that the unwind tables cannot hold." },
	{ "analyzer_samples_anonymous_code_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_ANONYMOUS]),
	  "Samples in code that is in no file." },
	{ "analyzer_samples_broken_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_BROKEN]),
	  "Samples with a caller's frame below its callee's." },
	{ "analyzer_samples_no_table_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_NO_TABLE]),
		"Samples whose stack came through a program or library that no unwind table was made for." },
	{ "analyzer_samples_locked_total", COUNTER, AT(analyzer.results[ANALYZER_RESULT_LOCKED]),
		"Samples whose stack came through a place not known yet, while the process was changing its mappings." },
	{ "analyzer_samples_lost_total", COUNTER, AT(analyzer.lost), "Samples that found no room." },
	{ "analyzer_samples_expected_total", COUNTER, AT(analyzer.expected), "Samples due by the time on a CPU." },
	{ "analyzer_samples_span_by_id_total", COUNTER, AT(joins.by_id), "Samples whose thread told its active span." },
	{ "analyzer_samples_span_by_time_total", COUNTER, AT(joins.by_time), "Samples whose span was found by time." },
	{ "analyzer_samples_span_unreadable_total", COUNTER, AT(joins.unreadable), "Of these, threads that could not be read." },
	{ "analyzer_samples_span_at_change_total", COUNTER, AT(joins.at_change), "Samples at a change of the active span." },
	{ "analyzer_samples_span_disagreeing_total", COUNTER, AT(joins.disagreeing),
	  "Samples whose thread told another span than the clock." },
	{ "analyzer_on_cpu_ns_total", COUNTER, AT(analyzer.on_cpu_ns), "Time on a CPU in profiled runs." },
	{ "analyzer_runnable_ns_total", COUNTER, AT(analyzer.runnable_ns), "Time waiting for a CPU, likewise." },
	{ "analyzer_blocked_ns_total", COUNTER, AT(analyzer.blocked_ns), "Time waiting for something else, likewise." },
	{ "analyzer_stolen_ns_total", COUNTER, AT(analyzer.stolen_ns), "Of the time on a CPU, what did not go to the thread." },
	{ "analyzer_intervals_total", COUNTER, AT(analyzer.intervals), "Intervals off the CPU that were told of." },
	{ "analyzer_intervals_lost_total", COUNTER, AT(analyzer.lost_intervals), "Intervals that found no room." },
	{ "analyzer_intervals_without_stack_total", COUNTER, AT(analyzer.lost_stacks), "Intervals whose stack was lost." },
	{ "analyzer_events_total", COUNTER, AT(analyzer.events), "Events of the debug analyzer." },
	{ "analyzer_events_lost_total", COUNTER, AT(analyzer.lost_events), "Events that found no room." },
	{ "analyzer_forks_total", COUNTER, AT(analyzer.forks), "Processes forked by workers while they were analyzed." },
	{ "analyzer_forks_lost_total", COUNTER, AT(analyzer.lost_forks), "Of these, which could not be followed." },
	{ "analyzer_switches_unseen_total", COUNTER, AT(analyzer.unseen_switches), "Switches that clocks alone told of." },
	{ "analyzer_debug_overlap_ns_total", COUNTER, AT(analyzer.debug_overlap_ns),
	  "Time of profiled runs that the debug analyzer of others slowed." },
	{ "analyzer_scheduler_attached", GAUGE, AT(costs.scheduler_attached),
	  "Objects with tracepoints of the scheduler attached, a bit each: 2 release, 4 debug.", U32 },
	{ "analyzer_events_attached", GAUGE, AT(costs.events_attached), "Likewise, with the debug analyzer's others.", U32 },
	{ "analyzer_scheduler_runs_total", COUNTER, AT(costs.scheduler_runs),
	  "Runs of the scheduler's programs; counted while kernel.bpf_stats_enabled is 1, like the next ones." },
	{ "analyzer_scheduler_run_ns_total", COUNTER, AT(costs.scheduler_run_ns), "Their time." },
	{ "analyzer_sample_runs_total", COUNTER, AT(costs.sample_runs), "Runs of the sampling programs." },
	{ "analyzer_sample_run_ns_total", COUNTER, AT(costs.sample_run_ns), "Their time." },
	{ "analyzer_event_runs_total", COUNTER, AT(costs.event_runs), "Runs of the debug analyzer's other programs." },
	{ "analyzer_event_run_ns_total", COUNTER, AT(costs.event_run_ns), "Their time." },
	{ "analyzer_perf_events_opened_total", COUNTER, AT(perf_events_opened), "Perf events opened, as the analyzer says." },
	{ "analyzer_perf_events_enabled_total", COUNTER, AT(perf_events_enabled), "Times one was enabled, likewise." },
};
#undef AT
#define AT(member) offsetof(struct records_counters, member)
static const struct metric of_records[] = {
	{ "records_in_memory", GAUGE, AT(in_memory), "Results in memory." },
	{ "records_memory_bytes", GAUGE, AT(memory_bytes), "Their size." },
	{ "records_on_disk", GAUGE, AT(on_disk), "Results on disk." },
	{ "records_disk_bytes", GAUGE, AT(disk_bytes), "Their size." },
	{ "records_evicted_total", COUNTER, AT(evicted), "Results dropped from memory." },
	{ "records_expired_total", COUNTER, AT(expired), "Results dropped from disk by the limits." },
	{ "records_write_errors_total", COUNTER, AT(write_errors), "Results that could not be written." },
	{ "records_queue_length", GAUGE, AT(queue_length), "Jobs waiting for the database." },
};
#undef AT
#define AT(member) offsetof(struct cache_counters, member)
static const struct metric of_cache[] = {
	{ "cache_hits_total", COUNTER, AT(hits), "Requests answered from the cache." },
	{ "cache_misses_total", COUNTER, AT(misses), "Requests that the cache had nothing for." },
	{ "cache_shared_total", COUNTER, AT(shared), "Requests answered by a compile of the same that was under way." },
	{ "cache_bypassed_total", COUNTER, AT(bypassed), "Requests that did not ask the cache." },
	{ "cache_disk_hits_total", COUNTER, AT(disk_hits), "Results brought back from disk." },
	{ "cache_evicted_total", COUNTER, AT(evicted), "Results dropped from memory." },
	{ "cache_expired_total", COUNTER, AT(expired), "Crashes, time-outs and the like that were forgotten." },
	{ "cache_results", GAUGE, AT(entries), "Results in memory." },
	{ "cache_memory_bytes", GAUGE, AT(memory_bytes), "Their size." },
	{ "cache_results_on_disk", GAUGE, AT(on_disk), "Results on disk." },
	{ "cache_disk_bytes", GAUGE, AT(disk_bytes), "Their size." },
	{ "cache_disk_errors_total", COUNTER, AT(disk_errors), "Operations that the disk refused." },
};
#undef AT
#define AT(member) offsetof(struct http_counters, member)
static const struct metric of_http[] = {
	{ "http_connections", GAUGE, AT(connections_now), "Connections open." },
	{ "http_connections_total", COUNTER, AT(connections), "Connections accepted." },
	{ "http_connections_refused_total", COUNTER, AT(connections_refused), "Connections turned away at the limit." },
	{ "http_connections_late_total", COUNTER, AT(connections_late), "Connections closed by a deadline." },
	{ "http_overloads_total", COUNTER, AT(overloads), "Requests refused for the memory that others hold." },
	{ "http_requests", GAUGE, AT(requests_now), "Requests under way." },
	{ "http_streams", GAUGE, AT(streams_now), "Event streams open." },
	{ "http_received_bytes_total", COUNTER, AT(received_bytes), "Bytes of bodies received." },
};
#undef AT

static void head(struct strbuf *out, const char *name, enum metric_type type, const char *help)
{
	strbuf_printf(out, "# HELP spvscope_%s %s\n# TYPE spvscope_%s %s\n", name, help, name,
		type == COUNTER ? "counter" : "gauge");
}

static void put(struct strbuf *out, const struct metric *metrics, size_t n, const void *values)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = (const char *)values + metrics[i].offset;
		uint64_t value = metrics[i].width == U32 ? *(const unsigned *)at : *(const uint64_t *)at;

		head(out, metrics[i].name, metrics[i].type, metrics[i].help);
		strbuf_printf(out, "spvscope_%s %" PRIu64 "\n", metrics[i].name, value);
	}
}

static void put_ended(struct strbuf *out, const struct compile_service_counters *c)
{
	head(out, "compiles_ended_total", COUNTER, "Compiles ended, by status.");
	for (unsigned s = 0; s < SPVSCOPE_N_STATUSES; s++)
		strbuf_printf(out, "spvscope_compiles_ended_total{status=\"%s\"} %" PRIu64 "\n",
			spvscope_status_name((enum spvscope_status)s), c->ended[s]);
}

static void put_routes(struct strbuf *out, const struct http *http)
{
	struct strbuf durations = { 0 };

	head(out, "http_requests_total", COUNTER, "Requests answered, by route and class of status.");
	head(&durations, "http_request_seconds_total", COUNTER, "Time from their heads to their answers.");
	for (size_t i = 0;; i++) {
		const struct http_route *route = &front_routes[i];
		const char *method = route->method ? route->method : "", *path = route->method ? route->path : "none";
		struct http_route_counters c;

		http_route_counters(http, i, &c);
		for (unsigned class = 2; class <= 5; class++)
			if (c.answers[class])
				strbuf_printf(out,
					"spvscope_http_requests_total{method=\"%s\",route=\"%s\",status=\"%uxx\"} %" PRIu64 "\n",
					method, path, class, c.answers[class]);
		if (c.duration_ns)
			strbuf_printf(&durations,
				"spvscope_http_request_seconds_total{method=\"%s\",route=\"%s\"} %.9f\n", method, path,
				(double)c.duration_ns / (double)NS_PER_S);
		if (!route->method)
			break;
	}
	strbuf_append(out, durations.data, durations.len);
	strbuf_done(&durations);
}

void route_metrics(void *app, struct http_request *req)
{
	struct front *front = app;
	struct http_response r = { .content_type = "text/plain; version=0.0.4; charset=utf-8" };
	struct compile_service_counters service;
	struct records_counters records;
	struct cache_counters cache = { 0 };
	struct http_counters http;

	if (front->cache)
		cache_counters(front->cache, &cache);
	compile_service_counters(front->service, &service);
	records_counters(front->records, &records);
	http_counters(front->http, &http);
	head(&r.body, "build_info", GAUGE, "The version that runs.");
	strbuf_puts(&r.body, "spvscope_build_info{version=\"" SPVSCOPE_VERSION "\"} 1\n");
	head(&r.body, "uptime_seconds", GAUGE, "Since the service was started.");
	strbuf_printf(&r.body, "spvscope_uptime_seconds %.3f\n",
		(double)(clock_now_ns() - front->started_ns) / (double)NS_PER_S);
	put(&r.body, of_service, ARRAY_SIZE(of_service), &service);
	put_ended(&r.body, &service);
	put(&r.body, of_records, ARRAY_SIZE(of_records), &records);
	put(&r.body, of_cache, ARRAY_SIZE(of_cache), &cache);
	put(&r.body, of_http, ARRAY_SIZE(of_http), &http);
	put_routes(&r.body, front->http);
	http_reply(req, &r);
}
