-- SPDX-License-Identifier: Apache-2.0
-- Diagnostics of spvscope as one types, for Neovim 0.7 and later. Each change of a shader's buffer posts it, with what it
-- includes from other buffers and from disk, and shows what comes back. Everything runs on the editor's main loop; curl is
-- a job beside it.
local M = {}

M.config = {
	url = 'http://127.0.0.1:7230',
	socket = nil, -- path of a unix socket, in the place of TCP
	token = nil,
	delay_ms = 120, -- of quiet before a change is posted
	patterns = { '*.vert', '*.tesc', '*.tese', '*.geom', '*.frag', '*.comp', '*.task', '*.mesh', '*.rgen', '*.rint', '*.rahit',
		'*.rchit', '*.rmiss', '*.rcall', '*.glsl', '*.hlsl', '*.spvasm', '*.wgsl', '*.cl', '*.clcpp' },
	request = {}, -- fields of every request: target, defines, …
}

local MAX_FILES = 200
local namespace = vim.api.nvim_create_namespace('spvscope')
local session = string.format('nvim-%d-%d', vim.fn.getpid(), vim.loop.hrtime())
-- By buffer: { timer, job, tick, root, files that its text came to include, buffers that its answer spoke of, what was told }
local states = {}

local function text_of_buffer(buffer)
	return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n') .. '\n'
end

-- The text of a file: of its buffer where it is open, since that is what its author sees.
local function text_of_file(path)
	local buffer = vim.fn.bufnr('^' .. vim.fn.escape(path, '\\[]*?{},^$') .. '$')
	if buffer > 0 and vim.api.nvim_buf_is_loaded(buffer) then
		return text_of_buffer(buffer)
	end
	local file = io.open(path, 'rb')
	if not file then
		return nil
	end
	local text = file:read('*a')
	file:close()
	return text
end

local function directory_of(path)
	return path:match('^(.*)/[^/]*$') or ''
end

-- "a/b/../c" as "a/c".
local function normalize(path)
	local parts = {}
	for part in path:gmatch('[^/]+') do
		if part == '..' and #parts > 0 then
			table.remove(parts)
		elseif part ~= '.' then
			table.insert(parts, part)
		end
	end
	return '/' .. table.concat(parts, '/')
end

-- What the text includes, and what that includes, by full path.
local function gather(path, text, files)
	for header in text:gmatch('#%s*include%s*["<]([^">\n]+)[">]') do
		local full = header:sub(1, 1) == '/' and normalize(header) or normalize(directory_of(path) .. '/' .. header)
		if files[full] == nil and vim.tbl_count(files) < MAX_FILES then
			local found = text_of_file(full)
			if found then
				files[full] = found
				gather(full, found, files)
			end
		end
	end
end

-- What b:spvscope says of this buffer alone, as { stage = 'fragment' }.
local function own_fields(buffer)
	local good, fields = pcall(vim.api.nvim_buf_get_var, buffer, 'spvscope')
	return good and type(fields) == 'table' and fields or {}
end

-- The request for a buffer; when a root was set, the root is compiled and the buffer is what the diagnostics are about.
local function request_of(buffer, tick)
	local path = vim.api.nvim_buf_get_name(buffer)
	local root = states[buffer].root
	local files = {}
	local request = vim.tbl_deep_extend('force', { check_only = true, trace = { level = 'off' } }, M.config.request, own_fields(buffer))
	request.name = root or path
	request.source = root and text_of_file(root) or text_of_buffer(buffer)
	if not request.source then
		return nil, 'cannot read ' .. root
	end
	gather(request.name, request.source, files)
	states[buffer].files = files
	if root and files[path] then
		request.focus = path
	end
	if next(files) then
		request.files = files
	end
	request.position_encoding = 'utf-8' -- Neovim counts bytes
	request.document = { session = session, uri = vim.uri_from_bufnr(buffer), version = tick }
	return request
end

local severities = { vim.diagnostic.severity.ERROR, vim.diagnostic.severity.WARN, vim.diagnostic.severity.INFO,
	vim.diagnostic.severity.HINT }

local function to_vim(diagnostic, range, message)
	return {
		lnum = range.start.line,
		col = range.start.character,
		end_lnum = range['end'].line,
		end_col = range['end'].character,
		severity = severities[diagnostic.severity],
		message = message or diagnostic.message,
		source = diagnostic.source,
		code = diagnostic.code ~= vim.NIL and diagnostic.code or nil,
		user_data = { related = diagnostic.relatedInformation },
	}
end

local function buffer_of(path)
	for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
		if vim.api.nvim_buf_is_loaded(buffer) and vim.api.nvim_buf_get_name(buffer) == path then
			return buffer
		end
	end
end

-- What is said of a file that is not open stands at the directive that leads to it.
local function place(diagnostic, default)
	local file = diagnostic.file ~= vim.NIL and diagnostic.file or nil
	local buffer = file and buffer_of(file) or (not file and default) or nil
	if buffer then
		return buffer, to_vim(diagnostic, diagnostic.range)
	end
	for _, related in ipairs(diagnostic.relatedInformation or {}) do
		buffer = related.location.file ~= vim.NIL and buffer_of(related.location.file)
		if buffer then
			return buffer, to_vim(diagnostic, related.location.range,
				string.format('%s:%d: %s', file, diagnostic.range.start.line + 1, diagnostic.message))
		end
	end
	return default, to_vim(diagnostic, { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } },
		string.format('%s: %s', file, diagnostic.message))
end

-- Takes back what the buffer's last answer said of buffers that keep has not.
local function take_back(state, keep)
	for other in pairs(state.touched or {}) do
		if not keep[other] and vim.api.nvim_buf_is_valid(other) then
			vim.diagnostic.reset(namespace, other)
		end
	end
	state.touched = {}
end

local function show(buffer, answer)
	local state = states[buffer]
	local by_buffer = { [buffer] = {} }
	for _, diagnostic in ipairs(answer.diagnostics) do
		local where, converted = place(diagnostic, buffer)
		by_buffer[where] = by_buffer[where] or {}
		table.insert(by_buffer[where], converted)
	end
	if answer.failure and answer.failure ~= vim.NIL then
		table.insert(by_buffer[buffer], { lnum = 0, col = 0, severity = vim.diagnostic.severity.ERROR, source = 'spvscope',
			message = string.format('%s in %s: %s', answer.status, answer.failure.stage, answer.failure.message) })
	end
	take_back(state, by_buffer)
	for where, list in pairs(by_buffer) do
		state.touched[where] = true
		vim.diagnostic.set(namespace, where, list)
	end
end

-- Once, not with every key.
local function tell(state, message)
	if state.told ~= message then
		vim.notify('spvscope: ' .. message, vim.log.levels.WARN)
		state.told = message
	end
end

-- Followed buffers whose text came to include this one's file.
local function includers_of(buffer)
	local path, found = vim.api.nvim_buf_get_name(buffer), {}
	for other, state in pairs(states) do
		if other ~= buffer and state.files and state.files[path] then
			found[other] = true
		end
	end
	return found
end

local by_hand = "\n:let b:spvscope = {'%s': '%s'} says it for this buffer; for a header, :SpvscopeRoot FILE names one that includes it"
local hints = {
	stage_unknown = string.format(by_hand, 'stage', 'fragment'),
	language_unknown = string.format(by_hand, 'language', 'glsl'),
}

local function on_answer(buffer, tick, text)
	local state = states[buffer]
	if not state or state.tick ~= tick or not vim.api.nvim_buf_is_valid(buffer) then
		return -- a newer text is under way
	end
	local good, answer = pcall(vim.json.decode, text)
	if good and answer.diagnostics then
		if answer.status ~= 'cancelled' then
			show(buffer, answer)
		end
		state.told = nil
	elseif good and answer.error then
		take_back(state, {})
		local hint = hints[answer.error.code]
		if hint and next(includers_of(buffer)) then
			return -- a header: those that include it tell what is wrong with it
		end
		tell(state, string.format('%s: %s%s', answer.error.where ~= vim.NIL and answer.error.where or answer.error.code,
			answer.error.message, hint or ''))
	end
end

local function command()
	local arguments = { 'curl', '--silent', '--show-error', '--max-time', '60', '--header', 'Content-Type: application/json',
		'--data-binary', '@-' }
	if M.config.socket then
		vim.list_extend(arguments, { '--unix-socket', M.config.socket })
	end
	if M.config.token then
		vim.list_extend(arguments, { '--header', 'Authorization: Bearer ' .. M.config.token })
	end
	table.insert(arguments, M.config.url .. '/v1/compile')
	return arguments
end

--- Posts a buffer now.
function M.check(buffer)
	buffer = (buffer == nil or buffer == 0) and vim.api.nvim_get_current_buf() or buffer
	local state = states[buffer]
	if not state or not vim.api.nvim_buf_is_valid(buffer) then
		return
	end
	local tick = vim.api.nvim_buf_get_changedtick(buffer)
	local request, problem = request_of(buffer, tick)
	if state.job then
		vim.fn.jobstop(state.job) -- the service cancels what nobody waits for
		state.job = nil
	end
	state.tick = tick
	if not request then
		tell(state, problem)
		return
	end
	if not request.source:find('%S') then -- a file that is only begun
		take_back(state, {})
		return
	end
	local job
	job = vim.fn.jobstart(command(), {
		stdout_buffered = true,
		stderr_buffered = true,
		on_stdout = function(_, data)
			local text = table.concat(data, '\n')
			if text ~= '' then
				on_answer(buffer, tick, text)
			end
		end,
		on_exit = function(_, status)
			if states[buffer] and states[buffer].job == job then
				states[buffer].job = nil
				if status ~= 0 then
					tell(state, string.format('no answer from %s (curl ended with %d); is spvscoped running?',
						M.config.socket or M.config.url, status))
				end
			end
		end,
	})
	if job <= 0 then
		return
	end
	state.job = job
	vim.fn.chansend(job, vim.json.encode(request))
	vim.fn.chanclose(job, 'stdin')
end

local function schedule(buffer)
	local state = states[buffer]
	if not state then
		return
	end
	if not state.timer then
		state.timer = vim.loop.new_timer()
	end
	state.timer:start(M.config.delay_ms, 0, vim.schedule_wrap(function()
		M.check(buffer)
	end))
end

-- A header's change is one of those that include it, too.
local function on_change(buffer)
	schedule(buffer)
	for other in pairs(includers_of(buffer)) do
		schedule(other)
	end
end

local function drop(buffer, state)
	if states[buffer] ~= state then
		return
	end
	states[buffer] = nil
	if state.timer then
		state.timer:close()
	end
	if state.job then
		vim.fn.jobstop(state.job)
	end
	take_back(state, {})
end

--- Follows a buffer's changes until it goes.
function M.attach(buffer)
	buffer = (buffer == nil or buffer == 0) and vim.api.nvim_get_current_buf() or buffer
	if states[buffer] then
		return
	end
	local state = {}
	states[buffer] = state
	vim.api.nvim_buf_attach(buffer, false, {
		on_lines = function()
			if states[buffer] ~= state then
				return true -- detaches
			end
			on_change(buffer)
		end,
		on_reload = function()
			on_change(buffer)
		end,
		on_detach = function()
			vim.schedule(function() drop(buffer, state) end)
		end,
	})
	schedule(buffer)
end

--- No longer follows it, and takes back what was shown.
function M.detach(buffer)
	buffer = (buffer == nil or buffer == 0) and vim.api.nvim_get_current_buf() or buffer
	if states[buffer] then
		drop(buffer, states[buffer])
	end
end

--- Compiles path in the place of the buffer, a header, whose diagnostics then come from there. Without a path: itself again.
function M.root(path, buffer)
	buffer = (buffer == nil or buffer == 0) and vim.api.nvim_get_current_buf() or buffer
	M.attach(buffer)
	states[buffer].root = path and path ~= '' and vim.fn.fnamemodify(path, ':p') or nil
	M.check(buffer)
end

--- Begins: options are those of M.config.
function M.setup(options)
	M.config = vim.tbl_deep_extend('force', M.config, options or {})
	if vim.fn.executable('curl') == 0 then
		vim.notify('spvscope: curl is needed, and not installed', vim.log.levels.ERROR)
		return
	end
	local group = vim.api.nvim_create_augroup('spvscope', { clear = true })
	vim.api.nvim_create_autocmd({ 'BufReadPost', 'BufNewFile' }, {
		group = group,
		pattern = M.config.patterns,
		callback = function(event)
			M.attach(event.buf)
		end,
	})
	-- What was opened before, as when a plugin manager comes late.
	for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
		local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ':t')
		for _, pattern in ipairs(vim.api.nvim_buf_is_loaded(buffer) and name ~= '' and M.config.patterns or {}) do
			if vim.fn.match(name, vim.fn.glob2regpat(pattern)) >= 0 then
				M.attach(buffer)
				break
			end
		end
	end
	vim.api.nvim_create_user_command('SpvscopeCheck', function()
		M.attach(0)
		M.check(0)
	end, { desc = 'Compile this buffer now' })
	vim.api.nvim_create_user_command('SpvscopeStop', function()
		M.detach(0)
	end, { desc = 'Leave this buffer alone' })
	vim.api.nvim_create_user_command('SpvscopeRoot', function(arguments)
		M.root(arguments.args, 0)
	end, { nargs = '?', complete = 'file', desc = 'Compile that file for this header' })
end

return M
