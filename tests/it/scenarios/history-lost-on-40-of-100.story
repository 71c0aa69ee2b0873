  160 s  follower POST /i01-f/_ccr/pause_follow → 200
  160 s  follower POST /i01-f/_ccr/resume_follow → 200
  160 s  follower POST /i08-f/_ccr/pause_follow → 200
  160 s  follower POST /i08-f/_ccr/resume_follow → 200
  164 s  follower POST /i01-f/_ccr/pause_follow → 200
  164 s  follower POST /i01-f/_close → 200
  164 s  follower PUT /i01-f/_ccr/follow → 200
  164 s  follower POST /i08-f/_ccr/pause_follow → 200
  164 s  follower POST /i08-f/_close → 200
  164 s  follower PUT /i08-f/_ccr/follow → 200
  174 s  follower POST /i00-f/_ccr/pause_follow → 200
  174 s  follower POST /i00-f/_ccr/resume_follow → 200
  174 s  follower POST /i02-f/_ccr/pause_follow → 200
  174 s  follower POST /i02-f/_ccr/resume_follow → 200
  178 s  follower POST /i00-f/_ccr/pause_follow → 200
  178 s  follower POST /i00-f/_close → 200
  178 s  follower PUT /i00-f/_ccr/follow → 200
  178 s  follower POST /i02-f/_ccr/pause_follow → 200
  178 s  follower POST /i02-f/_close → 200
  178 s  follower PUT /i02-f/_ccr/follow → 200
  188 s  follower POST /i03-f/_ccr/pause_follow → 200
  188 s  follower POST /i03-f/_ccr/resume_follow → 200
  188 s  follower POST /i04-f/_ccr/pause_follow → 200
  188 s  follower POST /i04-f/_ccr/resume_follow → 200
  192 s  follower POST /i03-f/_ccr/pause_follow → 200
  192 s  follower POST /i03-f/_close → 200
  192 s  follower PUT /i03-f/_ccr/follow → 200
  192 s  follower POST /i04-f/_ccr/pause_follow → 200
  192 s  follower POST /i04-f/_close → 200
  192 s  follower PUT /i04-f/_ccr/follow → 200
  202 s  follower POST /i05-f/_ccr/pause_follow → 200
  202 s  follower POST /i05-f/_ccr/resume_follow → 200
  202 s  follower POST /i06-f/_ccr/pause_follow → 200
  202 s  follower POST /i06-f/_ccr/resume_follow → 200
  206 s  follower POST /i05-f/_ccr/pause_follow → 200
  206 s  follower POST /i05-f/_close → 200
  206 s  follower PUT /i05-f/_ccr/follow → 200
  206 s  follower POST /i06-f/_ccr/pause_follow → 200
  206 s  follower POST /i06-f/_close → 200
  206 s  follower PUT /i06-f/_ccr/follow → 200
  216 s  follower POST /i07-f/_ccr/pause_follow → 200
  216 s  follower POST /i07-f/_ccr/resume_follow → 200
  216 s  follower POST /i09-f/_ccr/pause_follow → 200
  216 s  follower POST /i09-f/_ccr/resume_follow → 200
  220 s  follower POST /i07-f/_ccr/pause_follow → 200
  220 s  follower POST /i07-f/_close → 200
  220 s  follower PUT /i07-f/_ccr/follow → 200
  220 s  follower POST /i09-f/_ccr/pause_follow → 200
  220 s  follower POST /i09-f/_close → 200
  220 s  follower PUT /i09-f/_ccr/follow → 200
  230 s  follower POST /i10-f/_ccr/pause_follow → 200
  230 s  follower POST /i10-f/_ccr/resume_follow → 200
  230 s  follower POST /i11-f/_ccr/pause_follow → 200
  230 s  follower POST /i11-f/_ccr/resume_follow → 200
  234 s  follower POST /i10-f/_ccr/pause_follow → 200
  234 s  follower POST /i10-f/_close → 200
  234 s  follower PUT /i10-f/_ccr/follow → 200
  234 s  follower POST /i11-f/_ccr/pause_follow → 200
  234 s  follower POST /i11-f/_close → 200
  234 s  follower PUT /i11-f/_ccr/follow → 200
  244 s  follower POST /i12-f/_ccr/pause_follow → 200
  244 s  follower POST /i12-f/_ccr/resume_follow → 200
  244 s  follower POST /i13-f/_ccr/pause_follow → 200
  244 s  follower POST /i13-f/_ccr/resume_follow → 200
  248 s  follower POST /i12-f/_ccr/pause_follow → 200
  248 s  follower POST /i12-f/_close → 200
  248 s  follower PUT /i12-f/_ccr/follow → 200
  248 s  follower POST /i13-f/_ccr/pause_follow → 200
  248 s  follower POST /i13-f/_close → 200
  248 s  follower PUT /i13-f/_ccr/follow → 200
  258 s  follower POST /i14-f/_ccr/pause_follow → 200
  258 s  follower POST /i14-f/_ccr/resume_follow → 200
  258 s  follower POST /i15-f/_ccr/pause_follow → 200
  258 s  follower POST /i15-f/_ccr/resume_follow → 200
  262 s  follower POST /i14-f/_ccr/pause_follow → 200
  262 s  follower POST /i14-f/_close → 200
  262 s  follower PUT /i14-f/_ccr/follow → 200
  262 s  follower POST /i15-f/_ccr/pause_follow → 200
  262 s  follower POST /i15-f/_close → 200
  262 s  follower PUT /i15-f/_ccr/follow → 200
  273 s  follower POST /i16-f/_ccr/pause_follow → 200
  273 s  follower POST /i16-f/_ccr/resume_follow → 200
  273 s  follower POST /i17-f/_ccr/pause_follow → 200
  273 s  follower POST /i17-f/_ccr/resume_follow → 200
  277 s  follower POST /i16-f/_ccr/pause_follow → 200
  277 s  follower POST /i16-f/_close → 200
  277 s  follower PUT /i16-f/_ccr/follow → 200
  277 s  follower POST /i17-f/_ccr/pause_follow → 200
  277 s  follower POST /i17-f/_close → 200
  277 s  follower PUT /i17-f/_ccr/follow → 200
  287 s  follower POST /i18-f/_ccr/pause_follow → 200
  287 s  follower POST /i18-f/_ccr/resume_follow → 200
  287 s  follower POST /i19-f/_ccr/pause_follow → 200
  287 s  follower POST /i19-f/_ccr/resume_follow → 200
  291 s  follower POST /i18-f/_ccr/pause_follow → 200
  291 s  follower POST /i18-f/_close → 200
  291 s  follower PUT /i18-f/_ccr/follow → 200
  291 s  follower POST /i19-f/_ccr/pause_follow → 200
  291 s  follower POST /i19-f/_close → 200
  291 s  follower PUT /i19-f/_ccr/follow → 200
  301 s  follower POST /i20-f/_ccr/pause_follow → 200
  301 s  follower POST /i20-f/_ccr/resume_follow → 200
  301 s  follower POST /i21-f/_ccr/pause_follow → 200
  301 s  follower POST /i21-f/_ccr/resume_follow → 200
  305 s  follower POST /i20-f/_ccr/pause_follow → 200
  305 s  follower POST /i20-f/_close → 200
  305 s  follower PUT /i20-f/_ccr/follow → 200
  305 s  follower POST /i21-f/_ccr/pause_follow → 200
  305 s  follower POST /i21-f/_close → 200
  305 s  follower PUT /i21-f/_ccr/follow → 200
  315 s  follower POST /i22-f/_ccr/pause_follow → 200
  315 s  follower POST /i22-f/_ccr/resume_follow → 200
  315 s  follower POST /i23-f/_ccr/pause_follow → 200
  315 s  follower POST /i23-f/_ccr/resume_follow → 200
  319 s  follower POST /i22-f/_ccr/pause_follow → 200
  319 s  follower POST /i22-f/_close → 200
  319 s  follower PUT /i22-f/_ccr/follow → 200
  319 s  follower POST /i23-f/_ccr/pause_follow → 200
  319 s  follower POST /i23-f/_close → 200
  319 s  follower PUT /i23-f/_ccr/follow → 200
  329 s  follower POST /i24-f/_ccr/pause_follow → 200
  329 s  follower POST /i24-f/_ccr/resume_follow → 200
  329 s  follower POST /i25-f/_ccr/pause_follow → 200
  329 s  follower POST /i25-f/_ccr/resume_follow → 200
  333 s  follower POST /i24-f/_ccr/pause_follow → 200
  333 s  follower POST /i24-f/_close → 200
  333 s  follower PUT /i24-f/_ccr/follow → 200
  333 s  follower POST /i25-f/_ccr/pause_follow → 200
  333 s  follower POST /i25-f/_close → 200
  333 s  follower PUT /i25-f/_ccr/follow → 200
  343 s  follower POST /i26-f/_ccr/pause_follow → 200
  343 s  follower POST /i26-f/_ccr/resume_follow → 200
  343 s  follower POST /i27-f/_ccr/pause_follow → 200
  343 s  follower POST /i27-f/_ccr/resume_follow → 200
  347 s  follower POST /i26-f/_ccr/pause_follow → 200
  347 s  follower POST /i26-f/_close → 200
  347 s  follower PUT /i26-f/_ccr/follow → 200
  347 s  follower POST /i27-f/_ccr/pause_follow → 200
  347 s  follower POST /i27-f/_close → 200
  347 s  follower PUT /i27-f/_ccr/follow → 200
  357 s  follower POST /i28-f/_ccr/pause_follow → 200
  357 s  follower POST /i28-f/_ccr/resume_follow → 200
  357 s  follower POST /i29-f/_ccr/pause_follow → 200
  357 s  follower POST /i29-f/_ccr/resume_follow → 200
  361 s  follower POST /i28-f/_ccr/pause_follow → 200
  361 s  follower POST /i28-f/_close → 200
  361 s  follower PUT /i28-f/_ccr/follow → 200
  361 s  follower POST /i29-f/_ccr/pause_follow → 200
  361 s  follower POST /i29-f/_close → 200
  361 s  follower PUT /i29-f/_ccr/follow → 200
  372 s  follower POST /i30-f/_ccr/pause_follow → 200
  372 s  follower POST /i30-f/_ccr/resume_follow → 200
  372 s  follower POST /i31-f/_ccr/pause_follow → 200
  372 s  follower POST /i31-f/_ccr/resume_follow → 200
  376 s  follower POST /i30-f/_ccr/pause_follow → 200
  376 s  follower POST /i30-f/_close → 200
  376 s  follower PUT /i30-f/_ccr/follow → 200
  376 s  follower POST /i31-f/_ccr/pause_follow → 200
  376 s  follower POST /i31-f/_close → 200
  376 s  follower PUT /i31-f/_ccr/follow → 200
  386 s  follower POST /i32-f/_ccr/pause_follow → 200
  386 s  follower POST /i32-f/_ccr/resume_follow → 200
  386 s  follower POST /i33-f/_ccr/pause_follow → 200
  386 s  follower POST /i33-f/_ccr/resume_follow → 200
  390 s  follower POST /i32-f/_ccr/pause_follow → 200
  390 s  follower POST /i32-f/_close → 200
  390 s  follower PUT /i32-f/_ccr/follow → 200
  390 s  follower POST /i33-f/_ccr/pause_follow → 200
  390 s  follower POST /i33-f/_close → 200
  390 s  follower PUT /i33-f/_ccr/follow → 200
  400 s  follower POST /i34-f/_ccr/pause_follow → 200
  400 s  follower POST /i34-f/_ccr/resume_follow → 200
  400 s  follower POST /i35-f/_ccr/pause_follow → 200
  400 s  follower POST /i35-f/_ccr/resume_follow → 200
  404 s  follower POST /i34-f/_ccr/pause_follow → 200
  404 s  follower POST /i34-f/_close → 200
  404 s  follower PUT /i34-f/_ccr/follow → 200
  404 s  follower POST /i35-f/_ccr/pause_follow → 200
  404 s  follower POST /i35-f/_close → 200
  404 s  follower PUT /i35-f/_ccr/follow → 200
  414 s  follower POST /i36-f/_ccr/pause_follow → 200
  414 s  follower POST /i36-f/_ccr/resume_follow → 200
  414 s  follower POST /i37-f/_ccr/pause_follow → 200
  414 s  follower POST /i37-f/_ccr/resume_follow → 200
  418 s  follower POST /i36-f/_ccr/pause_follow → 200
  418 s  follower POST /i36-f/_close → 200
  418 s  follower PUT /i36-f/_ccr/follow → 200
  418 s  follower POST /i37-f/_ccr/pause_follow → 200
  418 s  follower POST /i37-f/_close → 200
  418 s  follower PUT /i37-f/_ccr/follow → 200
  428 s  follower POST /i38-f/_ccr/pause_follow → 200
  428 s  follower POST /i38-f/_ccr/resume_follow → 200
  428 s  follower POST /i39-f/_ccr/pause_follow → 200
  428 s  follower POST /i39-f/_ccr/resume_follow → 200
  432 s  follower POST /i38-f/_ccr/pause_follow → 200
  432 s  follower POST /i38-f/_close → 200
  432 s  follower PUT /i38-f/_ccr/follow → 200
  432 s  follower POST /i39-f/_ccr/pause_follow → 200
  432 s  follower POST /i39-f/_close → 200
  432 s  follower PUT /i39-f/_ccr/follow → 200

i00-f i01-f i02-f i03-f i04-f i05-f i06-f i07-f i08-f i09-f i10-f i11-f i12-f i13-f i14-f i15-f i16-f i17-f i18-f i19-f i20-f i21-f i22-f i23-f i24-f i25-f i26-f i27-f i28-f i29-f i30-f i31-f i32-f i33-f i34-f i35-f i36-f i37-f i38-f i39-f i40-f i41-f i42-f i43-f i44-f i45-f i46-f i47-f i48-f i49-f i50-f i51-f i52-f i53-f i54-f i55-f i56-f i57-f i58-f i59-f i60-f i61-f i62-f i63-f i64-f i65-f i66-f i67-f i68-f i69-f i70-f i71-f i72-f i73-f i74-f i75-f i76-f i77-f i78-f i79-f i80-f i81-f i82-f i83-f i84-f i85-f i86-f i87-f i88-f i89-f i90-f i91-f i92-f i93-f i94-f i95-f i96-f i97-f i98-f i99-f follows; refollow says following / none, leave
run on i01-f: recreate, cured
run on i08-f: recreate, cured
run on i00-f: recreate, cured
run on i02-f: recreate, cured
run on i03-f: recreate, cured
run on i04-f: recreate, cured
run on i05-f: recreate, cured
run on i06-f: recreate, cured
run on i07-f: recreate, cured
run on i09-f: recreate, cured
run on i10-f: recreate, cured
run on i11-f: recreate, cured
run on i12-f: recreate, cured
run on i13-f: recreate, cured
run on i14-f: recreate, cured
run on i15-f: recreate, cured
run on i16-f: recreate, cured
run on i17-f: recreate, cured
run on i18-f: recreate, cured
run on i19-f: recreate, cured
run on i20-f: recreate, cured
run on i21-f: recreate, cured
run on i22-f: recreate, cured
run on i23-f: recreate, cured
run on i24-f: recreate, cured
run on i25-f: recreate, cured
run on i26-f: recreate, cured
run on i27-f: recreate, cured
run on i28-f: recreate, cured
run on i29-f: recreate, cured
run on i30-f: recreate, cured
run on i31-f: recreate, cured
run on i32-f: recreate, cured
run on i33-f: recreate, cured
run on i34-f: recreate, cured
run on i35-f: recreate, cured
run on i36-f: recreate, cured
run on i37-f: recreate, cured
run on i38-f: recreate, cured
run on i39-f: recreate, cured
